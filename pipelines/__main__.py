"""`python -m pipelines`: the command line of the checkout one stands in, whichever one is installed."""

from pipelines.cli import app

app(prog_name="crackflow")
