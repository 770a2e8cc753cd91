"""pipelines/commands/pull_request.py on figures that are made, with real git and real DVC.

The test images and what two models mark on them, in pixels: of the first, IoU 80 / 185 pooled, of the second 90 / 110.

    image   tp fp fn    tp fp fn
    a       50 50  0    50  0  0
    b       10  0 30    20  0 20
    c        0  5  0     0  0  0
    d       20 20  0    20  0  0
    sum     80 75 30    90  0 20
"""

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo

from crackflow.errors import CrackflowError
from pipelines.commands import pull_request

OLD = "stem,source,tp,fp,fn\na,x,50,50,0\nb,x,10,0,30\nc,x,0,5,0\nd,x,20,20,0\n"
NEW = "stem,source,tp,fp,fn\nd,x,20,0,0\na,x,50,0,0\nb,x,20,0,20\nc,x,0,0,0\n"
# One photograph: every resample is the whole of it, so the interval is the difference itself, 90/110 - 80/185 = 0.3857.
SPLIT = "stem,group\na,p\nb,p\nc,p\nd,p\ne,q\n"
GRAPH = """
stages:
  split:
    cmd: cp made/split.csv data/split.csv
    deps: [made/split.csv]
    outs: [data/split.csv]
  evaluate:
    cmd: cp made/per_image.csv reports/per_image.csv
    deps: [made/per_image.csv]
    outs: [reports/per_image.csv]
"""
SURE = (
    "Paired bootstrap, drawn by photograph (1 of them): pooled_iou 0.4324 -> 0.8182, +0.3857 (95% of resamples: "
    "+0.3857 to +0.3857; better in 100%) on 4 images. The change is more than the choice of test images."
)


class Repository:
    """A git repository with DVC in it, at `root`."""

    def __init__(self, root):
        self.root = root

    def git(self, *arguments):
        identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        done = subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def run_stages(self):
        """Do what `dvc repro` does here, without its two processes."""
        for name in ("data/split.csv", "reports/per_image.csv"):
            self.write(name, (self.root / "made" / Path(name).name).read_text())
        # DVC looks for dvc.yaml in the current directory
        with contextlib.chdir(self.root), Repo() as repo:
            repo.commit(force=True)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def figures(self, iou, **protocol):
        values = {"crack": {"pooled": {"iou": iou, "f1": 0.5}}, "protocol": {"images": 4, **protocol}}
        self.write("metrics/evaluation.json", json.dumps(values))

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def empty_cache(self):
        shutil.rmtree(self.root / ".dvc/cache")
        # DVC's record of what lies in the cache
        shutil.rmtree(self.root / ".dvc/tmp", ignore_errors=True)


@pytest.fixture(scope="module")
def _made(tmp_path_factory):
    made = Repository(tmp_path_factory.mktemp("made") / "repository")
    made.root.mkdir()
    made.git("init", "-q", "-b", "main")
    Repo.init(str(made.root)).close()
    made.write("dvc.yaml", GRAPH)
    made.write(".gitignore", "/data/\n/reports/\n")
    made.write("made/split.csv", SPLIT)
    made.write("made/per_image.csv", OLD)
    made.write("params.yaml", "train:\n  epochs: 4\n  loss: {dice: 1.0}\ndata:\n  include: ['*']\n")
    made.figures(0.4324)
    made.run_stages()
    made.commit("old")
    made.git("switch", "-q", "-c", "better")
    made.write("made/per_image.csv", NEW)
    made.write("params.yaml", "train:\n  epochs: 8\n  loss: {dice: 1.0}\ndata:\n  include: ['a|*', b]\n")
    made.figures(0.8182)
    made.run_stages()
    made.commit("new")
    return made.root


@pytest.fixture
def repository(_made, tmp_path, monkeypatch):
    """Two commits, `main` and `better`, the second one checked out; the current directory."""
    root = tmp_path / "repository"
    shutil.copytree(_made, root)
    monkeypatch.chdir(root)
    return Repository(root)


def lines_of(repository, base="main", head="better"):
    return pull_request.comment(repository.root, base, head).splitlines()


def test_the_comment_is_this_one(repository):
    old, new = (repository.git("rev-parse", name)[:10] for name in ("main", "better"))
    assert (
        pull_request.comment(repository.root, "main", "better")
        == f"""\
<!-- crackflow: figures of this pull request -->

### Crack figures: {new} against {old}

| parameter | before | after |
| --- | --- | --- |
| `train.epochs` | `4` | `8` |
| `data.include` | `['*']` | `[a\\|*, b]` |

| figure | before | after | change |
| --- | --- | --- | --- |
| crack_pooled_iou | 0.4324 | 0.8182 | +0.3858 |

{SURE}
"""
    )


def test_without_a_head_it_is_of_the_files_that_lie_there(repository):
    repository.figures(0.9)
    repository.write("params.yaml", "train:\n  epochs: 16\n")
    text = pull_request.comment(repository.root, "better")
    assert "the working tree against" in text
    assert "| `train.epochs` | `8` | `16` |" in text
    assert "| `data.include` | `[a\\|*, b]` | `(absent)` |" in text
    assert "| crack_pooled_iou | 0.8182 | 0.9000 | +0.0818 |" in text
    # both sides' counts are those of `better`
    assert "+0.0000 to +0.0000" in text
    assert "may be no more than the choice of test images" in text


def test_a_rebuild_that_nobody_committed_is_named(repository):
    assert "dvc.lock as committed" not in pull_request.comment(repository.root, "main")
    repository.write("made/per_image.csv", OLD)
    repository.run_stages()
    assert "dvc.lock as committed is not of these figures" in pull_request.comment(repository.root, "main")
    # a comparison of two commits is none of the rebuild's business
    assert "dvc.lock as committed" not in pull_request.comment(repository.root, "main", "better")


def test_nothing_changed_is_said(repository):
    found = lines_of(repository, "better", "better")
    assert "No parameter changed." in found
    assert any(line.startswith("No figure of the crack class differs from ") for line in found)


def test_another_protocol_is_a_caveat(repository):
    repository.figures(0.8182, tolerance_px=2)
    repository.commit("two pixels")
    repository.figures(0.8182, tolerance_px=4)
    found = pull_request.comment(repository.root, "HEAD")
    assert "> **Caveat:** tolerance px was 2, is 4: the figures can't be compared." in found


def test_the_gates_metric_is_the_one_compared(repository):
    """The mean IoU over images with cracks: (1/2 + 1/4 + 1/2) / 3, then (1 + 1/2 + 1) / 3."""
    repository.write("params.yaml", "gate: {metric: positives_iou}\n")
    repository.commit("gate")
    assert "positives_iou 0.4167 -> 0.8333" in lines_of(repository, head="HEAD")[-1]
    repository.write("params.yaml", "gate: {metric: none}\n")
    assert "pooled_iou 0.4324 -> 0.8182" in lines_of(repository, head=None)[-1]


def test_without_a_split_images_are_drawn_one_by_one(repository):
    for name in ("main", "better"):
        repository.git("checkout", "-q", name)
        repository.write("dvc.yaml", GRAPH[: GRAPH.index("  split:")] + GRAPH[GRAPH.index("  evaluate:") :])
        (repository.root / "data/split.csv").unlink(missing_ok=True)
        repository.commit("no split")
    assert lines_of(repository)[-1].startswith("Paired bootstrap, images drawn one by one: pooled_iou 0.4324 -> 0.8182")


def test_images_that_no_cache_holds_are_no_error(repository):
    repository.empty_cache()
    found = lines_of(repository)
    assert "| crack_pooled_iou | 0.4324 | 0.8182 | +0.3858 |" in found
    old = repository.git("rev-parse", "main")[:10]
    assert found[-1] == (
        f"No comparison image by image: reports/per_image.csv of {old} is in no work tree, cache or remote at hand."
    )


def test_images_that_no_table_holds_are_no_error(repository):
    repository.write("reports/per_image.csv", "stem,tp\na,1\n")
    last = lines_of(repository, head=None)[-1]
    assert last.startswith(
        "No comparison image by image: reports/per_image.csv of the working tree can't be had (Usecols"
    )


def test_images_that_are_not_checked_out_come_from_the_cache(repository):
    """`dvc repro --pull --allow-missing` leaves the outputs of unchanged stages where they are."""
    shutil.rmtree(repository.root / "reports")
    assert lines_of(repository, head=None)[-1] == SURE


def test_images_come_from_the_remote(repository, tmp_path):
    store = tmp_path / "store"
    repository.write(".dvc/config.local", f"[core]\n    remote = store\n['remote \"store\"']\n    url = {store}\n")
    with Repo() as repo:
        repo.push(all_branches=True)
    repository.empty_cache()
    assert lines_of(repository)[-1] == SURE


def test_other_test_images_are_no_comparison(repository):
    repository.write("reports/per_image.csv", NEW.replace("d,x", "e,x"))
    last = lines_of(repository, head=None)[-1]
    assert last.startswith("No comparison image by image: two evaluations of the same images are expected")


def test_a_base_without_figures_makes_every_figure_new(repository):
    repository.git("switch", "-q", "-c", "bare", "main")
    repository.git("rm", "-q", "-r", "metrics", "params.yaml")
    base = repository.commit("nothing yet")
    found = lines_of(repository, base)
    assert f"> {base[:10]} holds no figures, so every figure is new." in found
    assert "| crack_pooled_iou | - | 0.8182 | - |" in found
    assert "| `train.epochs` | `(absent)` | `8` |" in found


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["pull_request", *arguments])
    pull_request.main()


def test_the_command_prints_or_writes(repository, monkeypatch, capsys):
    run(monkeypatch, "main", "better", "--note", "No cache was at hand.")
    printed = capsys.readouterr().out
    assert printed.startswith(pull_request.MARKER + "\n")
    assert "\n> No cache was at hand.\n" in printed
    run(monkeypatch, "main", "better", "--note", "No cache was at hand.", "--out", "made/comment.md")
    assert Path("made/comment.md").read_text() == printed
    assert capsys.readouterr().out == ""


def test_what_the_system_will_not_do_is_one_line_and_exit_code_2(repository, monkeypatch, capsys):
    with pytest.raises(SystemExit) as end:
        run(monkeypatch, "main", "better", "--out", "params.yaml/comment.md")
    assert end.value.code == CrackflowError.exit_code
    assert capsys.readouterr().err == "error: params.yaml: File exists; name another path, and run again\n"
    monkeypatch.setenv("PATH", str(repository.root / "nothing"))
    with pytest.raises(SystemExit) as end:
        run(monkeypatch, "main", "better")
    assert end.value.code == CrackflowError.exit_code
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("error: git: No such file or directory; ")


def no_figures(repository):
    repository.git("rm", "-q", "-r", "metrics")


def broken_figures(repository):
    repository.write("metrics/evaluation.json", "{")


def list_of_figures(repository):
    repository.write("metrics/evaluation.json", "[]")


def broken_params(repository):
    repository.write("params.yaml", "train: [")


def bytes_for_params(repository):
    (repository.root / "params.yaml").write_bytes(b"\xff\xfe\x00")


def no_repository(repository):
    shutil.rmtree(repository.root / ".git")


@pytest.mark.parametrize(
    ("spoil", "base", "words"),
    [
        (None, "nowhere", "nowhere names no commit"),
        (None, "--all", "--all names no commit"),
        (no_repository, "main", "main names no commit"),
        (no_figures, "main", "the working tree holds no metrics/evaluation.json"),
        (broken_figures, "main", "metrics/evaluation.json of the working tree can't be used"),
        (list_of_figures, "main", "metrics/evaluation.json of the working tree can't be used"),
        (broken_params, "main", "params.yaml of the working tree line 1 is not YAML"),
        (bytes_for_params, "main", "params.yaml can't be read"),
    ],
)
def test_what_can_be_fixed_is_one_line_and_exit_code_2(repository, monkeypatch, capsys, spoil, base, words):
    if spoil:
        spoil(repository)
    with pytest.raises(SystemExit) as end:
        run(monkeypatch, "--", base)
    assert end.value.code == CrackflowError.exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert words in err
    assert err.count("\n") == 1
