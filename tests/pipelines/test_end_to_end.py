"""The committed graph under real DVC, on a sample small enough for a test: what runs, what doesn't, what comes back."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from crackflow.params import Params, dump, parse, render
from tasks.__main__ import STAGES

ROOT = Path(__file__).parents[2]
SMALL = {
    "data.sample.images": 40,
    "data.sample.size": 64,
    "resize.size": 64,
    "split.mini_test": 3,
    "statistics.sheet_images": 3,
    "model.base_filters": 2,
    "model.num_layers": 2,
    "train.epochs": 1,
    "train.steps_per_epoch": 2,
    "train.batch_size": 2,
    "train.crop": 32,
    "train.num_infer_images": 1,
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Checkout:
    """A copy of the repository's code in a git repository of its own."""

    def __init__(self, root):
        self.root = root
        for name in ("crackflow", "tasks"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
            shutil.copy(ROOT / name, root / name)
        (root / "data/source").mkdir(parents=True)
        for name in ("data/source/README.md", "data/previous.csv"):
            shutil.copy(ROOT / name, root / name)
        self.set(**SMALL)
        self.command("git", "init", "-q")
        # dvclive asks for the last commit
        identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        self.command("git", *identity, "commit", "-q", "--allow-empty", "-m", "start")
        self.command(sys.executable, "-m", "dvc", "init", "-q")

    def set(self, **keys):
        """Set dotted keys in params.yaml, starting from what it holds."""
        path = self.root / "params.yaml"
        values = yaml.safe_load(path.read_text()) if path.exists() else dump(Params())
        for key, value in keys.items():
            *blocks, last = key.split(".")
            block = values
            for name in blocks:
                block = block[name]
            block[last] = value
        path.write_text(render(parse(values)))

    def command(self, *command):
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        env = {**os.environ, "PATH": path, "PYTHONPATH": str(self.root), "CRACKFLOW_RUN": self.run}
        env["PREFECT_HOME"] = str(self.root / ".crackflow/prefect")
        return subprocess.run(command, cwd=self.root, env=env, capture_output=True, text=True, check=False)

    run = "0"

    def commit(self, message):
        self.command("git", "add", "-A")
        self.command("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", message)

    def scheduled(self):
        """Rebuild the last commit in the work tree, as a deployment does; give what it said."""
        done = self.command(sys.executable, "-m", "pipelines", "rebuild", "--revision", "HEAD")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def repro(self, *targets):
        """Rebuild all, or what targets need; give the stages that really ran."""
        self.run = str(int(self.run) + 1)
        done = self.command(sys.executable, "-m", "dvc", "repro", *targets)
        assert done.returncode == 0, done.stdout + done.stderr
        records = [json.loads(path.read_text()) for path in (self.root / ".crackflow/ran").glob("*.json")]
        ran = {record["stage"] for record in records if record["run"] == self.run}
        return [stage for stage in STAGES if stage in ran]

    def read(self, name):
        return (self.root / name).read_bytes()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A finished first rebuild and the stages it ran. The tests below leave it as they found it."""
    checkout = Checkout(tmp_path_factory.mktemp("checkout"))
    return checkout, checkout.repro()


@pytest.fixture
def checkout(built):
    yield built[0]
    built[0].set(**SMALL, **{"evaluate.tolerance_px": 2, "train.learning_rate": 0.005})


def test_the_first_rebuild_runs_every_stage(built):
    checkout, ran = built
    assert ran == list(STAGES)
    assert (checkout.root / "reports/index.html").is_file()
    figures = json.loads(checkout.read("metrics/evaluation.json"))
    assert figures["all_background"]["pooled"]["iou"] == 0


def test_nothing_changed_runs_nothing(checkout):
    assert checkout.repro() == []


def test_another_tolerance_evaluates_again_shows_in_the_diffs_and_going_back_restores(checkout):
    before = checkout.read("metrics/evaluation.json")
    checkout.commit("one")
    checkout.set(**{"evaluate.tolerance_px": 4})
    assert checkout.repro() == ["evaluate", "report"]
    diff = json.loads(checkout.command(sys.executable, "-m", "dvc", "metrics", "diff", "--json", "HEAD").stdout)
    changed = diff["metrics/evaluation.json"]
    assert changed["protocol.tolerance_px"] == {"old": 2, "new": 4, "diff": 2}
    params = json.loads(checkout.command(sys.executable, "-m", "dvc", "params", "diff", "--json", "HEAD").stdout)
    assert params["params.yaml"] == {"evaluate.tolerance_px": {"old": 2, "new": 4, "diff": 2}}
    checkout.set(**{"evaluate.tolerance_px": 2})
    assert checkout.repro() == []
    assert checkout.read("metrics/evaluation.json") == before


def test_another_rate_trains_again_and_going_back_trains_nothing(checkout):
    """What follows train after that is shown by the scheduled run below."""
    before = checkout.read("models/flexunet.keras")
    checkout.set(**{"train.learning_rate": 0.002})
    assert checkout.repro("train") == ["train"]
    assert checkout.read("models/flexunet.keras") != before
    checkout.set(**{"train.learning_rate": 0.005})
    assert checkout.repro() == []
    assert checkout.read("models/flexunet.keras") == before


def test_touched_scores_evaluate_again_and_do_not_train(checkout):
    path = checkout.root / "crackflow/evaluation/metrics.py"
    text = path.read_text()
    path.write_text(text + "\n# touched\n")
    ran = checkout.repro("evaluate")
    path.write_text(text)
    assert ran == ["evaluate"]
    assert checkout.repro() == []


def test_same_params_same_data_same_bytes(checkout, tmp_path):
    """Data outputs and figures of a second checkout, with a cache of its own, are the first one's to the byte."""
    other = Checkout(tmp_path)
    assert other.repro("evaluate") == ["download", "resize", "split", "train", "evaluate"]
    for name in ("data/split.csv", "data/resized.csv", "metrics/evaluation.json", "reports/evaluation.csv"):
        assert other.read(name) == checkout.read(name), name
    pictures = sorted(path.relative_to(other.root) for path in (other.root / "data/resized").rglob("*.png"))
    assert len(pictures) == 2 * SMALL["data.sample.images"]
    assert all(other.read(name) == checkout.read(name) for name in pictures)


@pytest.mark.usefixtures("server")
def test_a_scheduled_run_lets_the_new_model_meet_the_champion(checkout):
    """Trained, scored, compared and, where the gate asks for more than there is, kept apart."""
    checkout.set(**{"gate.min_delta": -1.0})
    checkout.commit("the first")
    assert "Promoted: there was no champion" in checkout.scheduled()
    tree = checkout.root / ".crackflow/scheduled"
    first = (tree / "models/champion/flexunet.keras").read_bytes()
    assert first == checkout.read("models/flexunet.keras")
    checkout.set(**{"train.learning_rate": 0.001, "gate.min_delta": 1.0})
    checkout.commit("another, and a gate that lets none through")
    said = checkout.scheduled()
    assert "Rejected: less than gate.min_delta +1 better: pooled_iou " in said
    assert (tree / "models/champion/flexunet.keras").read_bytes() == first
    assert (tree / "models/flexunet.keras").read_bytes() != first
    # train, evaluate, infer and report
    assert "4 of 8 stages ran, 4 cached" in said
    assert (tree / "models/champion.dvc").is_file()
    checkout.set(**{"gate.min_delta": -1.0, "gate.confidence": 0.0})
    checkout.commit("a gate that lets all through")
    assert "Promoted: no worse than the gate asks: pooled_iou " in checkout.scheduled()
    assert (tree / "models/champion/flexunet.keras").read_bytes() != first
