import json
import os

import pytest

from crackflow.errors import DataError
from crackflow.params import Params, render
from crackflow.splitting.previous import read_previous
from tasks.__main__ import main


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(render(Params()))
    return tmp_path


def one_line(capsys):
    """What stderr holds, which must be one line and no traceback."""
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("argv", [[], ["trian"], ["train", "evaluate"]])
def test_an_unknown_stage_names_the_known_ones(argv, capsys):
    assert main(argv) == 2
    assert "expected one of: download, resize, split, statistics, train, evaluate, infer, report" in one_line(capsys)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("learning_rate:", "learning_rat:", "unknown key train.learning_rat; did you mean train.learning_rate?"),
        (
            "num_layers: 6",
            "num_layers: 11",
            "resize.size is 512, but model.architecture flexunet needs a multiple of 2048",
        ),
        ("train: 0.7", "train: 0.8", "shares add to 1.1, expected 1"),
        ("epochs: ", "epochs: many #", "train.epochs is 'many'"),
        ("  epochs: ", "  # ", "train.epochs is missing"),
        ("data:", "data: [", "is not YAML"),
    ],
)
def test_bad_params_stop_before_any_work(checkout, capsys, old, new, message):
    path = checkout / "params.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert main(["download"]) == 2
    assert message in one_line(capsys)
    assert [p.name for p in checkout.iterdir()] == ["params.yaml"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("''", "data.path is '', which holds the checkout itself; name a folder"),
        (".", "data.path is '.', which holds the checkout itself"),
        ("..", "data.path is '..', which holds the checkout itself"),
        ("/", "data.path is '/', which holds the checkout itself"),
        ("~/x", "data.path is ~/x, and DVC would look for a folder of that very name; write it out: {home}/x"),
    ],
)
def test_a_place_of_photographs_that_dvc_would_take_for_another_is_one_line(
    checkout, monkeypatch, capsys, place, words
):
    monkeypatch.setenv("HOME", str(checkout))
    path = checkout / "params.yaml"
    path.write_text(path.read_text().replace("  path: data/source", f"  path: {place}", 1))
    assert main(["split"]) == 2
    assert words.format(home=checkout) in one_line(capsys)


def test_a_named_pipe_for_params_keeps_nobody_waiting(checkout, capsys):
    (checkout / "params.yaml").unlink()
    os.mkfifo(checkout / "params.yaml")
    assert main(["split"]) == 2
    assert "params.yaml can't be read: a named pipe; expected a text file" in one_line(capsys)


def test_outside_a_checkout_says_where_to_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["split"]) == 2
    assert "run from the root of a crackflow checkout" in one_line(capsys)


def test_a_stage_that_ran_leaves_a_record_with_the_run_it_belongs_to(checkout, monkeypatch):
    path = checkout / "params.yaml"
    small = path.read_text().replace("images: 160", "images: 8").replace("size: 448", "size: 32")
    path.write_text(small)
    monkeypatch.setenv("CRACKFLOW_RUN", "run-7")
    assert main(["download"]) == 0
    record = json.loads((checkout / ".crackflow/ran/download.json").read_text())
    assert record["stage"] == "download"
    assert record["run"] == "run-7"
    assert record["seconds"] >= 0
    # NumPy, pandas and OpenCV alone take some 100 MiB, the other tests' networks some thousands in this process;
    # another unit would be a thousand times that
    assert record["peak_mib"] is None or 30 < record["peak_mib"] < 30_000


def test_a_stage_that_failed_leaves_no_record(checkout):
    path = checkout / "params.yaml"
    path.write_text(
        path.read_text().replace("source: sample", "source: folder").replace("path: data/source", "path: x")
    )
    assert main(["download"]) == 2
    assert not (checkout / ".crackflow/ran").exists()


def test_a_full_disk_is_one_line(checkout, monkeypatch, capsys):
    """A limit on the size of files stands for it: the kernel refuses the bytes, as it does when no room is left."""
    import resource
    import signal

    path = checkout / "params.yaml"
    path.write_text(path.read_text().replace("images: 160", "images: 8"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        code = main(["download"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert code == 2
    # bars stand before it
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: download: ")
    assert said.endswith(": File too large; make room or allow it, and run again")


@pytest.mark.parametrize("key", ["  path: data/source", "  previous: data/previous.csv"])
def test_a_path_that_no_disk_can_hold_is_one_line(checkout, capsys, key):
    path = checkout / "params.yaml"
    path.write_text(path.read_text().replace(key, f'{key.partition(":")[0]}: "a\\0b"', 1))
    assert main(["split"]) == 2
    assert "is no path, expected one without NUL" in one_line(capsys)


def test_split_previous_that_leads_to_itself_is_one_line(checkout, capsys):
    (checkout / "loop").symlink_to("loop")
    path = checkout / "params.yaml"
    path.write_text(path.read_text().replace("previous: data/previous.csv", "previous: loop"))
    assert main(["split"]) == 2
    assert "resized.csv" in one_line(capsys)
    with pytest.raises(DataError, match=r"loop can't be read .*Too many levels of symbolic links"):
        read_previous(checkout / "loop")


def test_split_previous_may_be_no_output(checkout, capsys):
    path = checkout / "params.yaml"
    for place in ("data/resized.csv", str(checkout / "data/split.csv")):
        path.write_text(path.read_text().replace("previous: data/previous.csv", f"previous: {place}"))
        assert main(["split"]) == 2
        assert "which the pipeline writes; copy it elsewhere" in one_line(capsys)
        path.write_text(path.read_text().replace(f"previous: {place}", "previous: data/previous.csv"))


@pytest.mark.parametrize("stage", ["resize", "split", "statistics", "evaluate", "infer", "report"])
def test_a_missing_input_says_how_to_make_it(checkout, capsys, stage):
    assert main([stage]) == 2
    assert f"is not there; `dvc repro {stage}`" in one_line(capsys)


def test_a_lack_of_memory_is_one_line(checkout, capsys, monkeypatch):
    def without_memory(*_):
        raise MemoryError("to decode a.png")

    monkeypatch.setattr("tasks.download.run", without_memory)
    assert main(["download"]) == 2
    assert one_line(capsys).startswith("error: download: not enough memory (to decode a.png); free some, raise the")
