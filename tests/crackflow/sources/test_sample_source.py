from crackflow.params import DataParams
from crackflow.sources.folder import find_pairs
from crackflow.sources.sample_source import SampleSource
from crackflow.sources.source import Origin


def test_the_sample_is_made_below_the_work_folder(tmp_path):
    source = SampleSource(DataParams(sample={"images": 3, "size": 64, "seed": 5}), tmp_path / "root")
    fetched = source.fetch(tmp_path / "work")
    assert fetched.folder == tmp_path / "work/sample"
    assert len(find_pairs(fetched.folder).pairs) == 3
    assert fetched.left_out == ()
    assert source.origin() == Origin("the built-in sample", None, "64 px, seed 5")


def test_it_reads_nothing_of_the_project_and_needs_no_account(tmp_path):
    source = SampleSource(DataParams(), tmp_path)
    assert (source.local_path(), source.disk_bytes(), source.account()) == (None, 0, None)
