"""benchmarks/accuracy/real.py, less the run itself, which is `make real`."""

import json

import pytest

from benchmarks.accuracy import real

TRAINED = {"stage": "train", "finished": "2026-01-01T00:00:02+00:00", "seconds": 90.0, "peak_mib": 7}
SPLIT = {"stage": "split", "finished": "2026-01-01T00:00:01+00:00", "seconds": 1.5, "peak_mib": 3}
LOCK = """
schema: '2.0'
stages:
  split:
    cmd: python -m tasks split
  train:
    cmd: python -m tasks train
    outs:
    - path: models/flexunet.keras
      md5: {md5}
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A work tree in which split and train ran."""
    (tmp_path / ".crackflow/ran").mkdir(parents=True)
    monkeypatch.setattr(real, "TREE", tmp_path)
    ran(tmp_path, TRAINED)
    ran(tmp_path, SPLIT)
    (tmp_path / "dvc.lock").write_text(LOCK.format(md5="a"))
    return tmp_path


def ran(tree, record):
    (tree / f".crackflow/ran/{record['stage']}.json").write_text(json.dumps(record))


def seen(tree):
    real.vouch()
    vouched = json.loads((tree / real.VOUCHED).read_text())
    return real.measured(real.records(tree), real.outputs(tree), vouched)


def test_times_are_those_of_the_processes_that_made_the_outputs(tree):
    assert seen(tree) == [SPLIT, TRAINED]
    assert seen(tree) == [SPLIT, TRAINED]
    assert real.total(seen(tree)) == 91.5


def test_outputs_of_another_run_from_the_cache_have_no_time(tree):
    seen(tree)
    (tree / "dvc.lock").write_text(LOCK.format(md5="b"))
    assert seen(tree) == [SPLIT, {**TRAINED, "seconds": None, "peak_mib": None}]
    assert real.total(seen(tree)) is None
    # back to what was timed
    (tree / "dvc.lock").write_text(LOCK.format(md5="a"))
    assert seen(tree) == [SPLIT, TRAINED]


def test_a_stage_that_ran_again_has_its_new_time(tree):
    seen(tree)
    (tree / "dvc.lock").write_text(LOCK.format(md5="b"))
    again = {**TRAINED, "finished": "2026-01-02T00:00:00+00:00", "seconds": 30.0}
    ran(tree, again)
    assert seen(tree) == [SPLIT, again]
