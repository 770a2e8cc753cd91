"""The same work on many items: in threads, in processes, or on Dask's workers; no Prefect, no DVC.

Results come in the order of the items whatever carries the work out, so outputs are the same bytes.
"""
