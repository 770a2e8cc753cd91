"""docs/how-to/remotes.md, done: a folder and an S3 server as DVC's remote, and a clone that rebuilds nothing."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.cli import main as dvc_here

pytestmark = pytest.mark.slow

STAGES = ("download", "report", "split", "statistics")
SECRET = "not-for-git"  # noqa: S105, of a server in this process that takes any
ACCOUNT = {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": SECRET}


class Checkout:
    """A clone of the tiny project, or what it is cloned from."""

    def __init__(self, root):
        self.root = root

    def git(self, *arguments):
        identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        done = subprocess.run(["git", *identity, *arguments], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout

    def configure(self, *commands):
        for command in commands:
            with contextlib.chdir(self.root):
                assert dvc_here(command.split()) == 0, command

    def dvc(self, *arguments, **environment):
        """Run DVC in a process of its own, with no credentials but those given; give what it said."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        # no account of whoever runs this test, and no asking the cloud that it may run in
        alone = {"HOME": str(self.root.parent), "AWS_EC2_METADATA_DISABLED": "true"}
        environment = {**inherited, **alone, "PATH": path, **environment}
        done = subprocess.run(
            [sys.executable, "-m", "dvc", *arguments], cwd=self.root, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def clone(self, root):
        self.git("clone", "-q", str(self.root), str(root))
        return Checkout(root)

    def ran(self):
        """The stages that really ran here."""
        return sorted(path.stem for path in (self.root / ".crackflow/ran").glob("*.json"))

    def outputs(self):
        return {name: (self.root / f"{name}.txt").read_bytes() for name in STAGES}

    def set_seed(self, seed):
        path = self.root / "params.yaml"
        before = path.read_text()
        path.write_text(before.replace("  seed: 0  # same seed and pairs", f"  seed: {seed}  # same seed and pairs"))
        assert path.read_text() != before


@pytest.fixture
def checkout(built):
    """The built project as the last commit of a git repository."""
    (built.root / ".dvc/config").write_text("[core]\n    analytics = false\n    check_update = false\n")
    # as `dvc init` writes it where there is git
    (built.root / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (built.root / ".gitignore").write_text("/*.txt\n/.crackflow/\n")
    made = Checkout(built.root)
    made.git("init", "-q")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "built")
    return made


@pytest.mark.soak
def test_a_clone_of_a_pushed_folder_rebuilds_nothing(checkout, tmp_path):
    checkout.configure(f"remote add -d store {tmp_path / 'store'}")
    checkout.git("commit", "-q", "-am", "remote")
    checkout.dvc("push")
    clone = checkout.clone(tmp_path / "clone")
    clone.dvc("repro", "--pull")
    assert clone.ran() == []
    assert clone.outputs() == checkout.outputs()
    assert clone.git("status", "--porcelain") == ""


def test_a_clone_of_what_was_pushed_to_s3_rebuilds_nothing(checkout, tmp_path, s3_server):
    """Credentials come from .dvc/config.local here and from the environment there, and git sees neither."""
    checkout.configure(
        "remote add -d store s3://photos/crackflow",
        f"remote modify store endpointurl {s3_server}",
        "remote modify --local store access_key_id someone",
        f"remote modify --local store secret_access_key {SECRET}",
    )
    checkout.git("commit", "-q", "-am", "remote")
    checkout.dvc("push")
    assert SECRET in (checkout.root / ".dvc/config.local").read_text()
    clone = checkout.clone(tmp_path / "clone")
    assert not (clone.root / ".dvc/config.local").exists()
    assert SECRET not in (clone.root / ".dvc/config").read_text()
    clone.dvc("repro", "--pull", **ACCOUNT)
    assert clone.ran() == []
    assert clone.outputs() == checkout.outputs()
    assert clone.git("status", "--porcelain") == ""


def test_what_the_remote_lacks_is_built_here(checkout, tmp_path):
    store = tmp_path / "store"
    checkout.configure(f"remote add -d store {store}")
    checkout.git("commit", "-q", "-am", "remote")
    checkout.dvc("push")
    report = checkout.outputs()["report"]
    [stored] = [path for path in store.rglob("*") if path.is_file() and path.read_bytes() == report]
    stored.unlink()
    clone = checkout.clone(tmp_path / "clone")
    clone.dvc("repro", "--pull")
    assert clone.ran() == ["report"]
    assert clone.outputs() == checkout.outputs()


def test_the_run_cache_carries_what_no_commit_names(checkout, tmp_path):
    """A seed that was tried in one checkout and committed in none is not run again in the other."""
    checkout.configure(f"remote add -d store {tmp_path / 'store'}")
    checkout.git("commit", "-q", "-am", "remote")
    clone = checkout.clone(tmp_path / "clone")
    checkout.set_seed(5)
    checkout.dvc("repro")
    checkout.dvc("push", "--run-cache")
    clone.set_seed(5)
    clone.dvc("repro", "--pull")
    # what the seed doesn't touch was in the last push as well
    assert clone.ran() == []
    assert clone.outputs() == checkout.outputs()


def test_a_stage_brings_what_it_needs_and_nothing_else(checkout, tmp_path):
    checkout.configure(f"remote add -d store {tmp_path / 'store'}")
    checkout.git("commit", "-q", "-am", "remote")
    checkout.configure("push")

    def here(clone):
        return sorted(name for name in STAGES if (clone.root / f"{name}.txt").exists())

    downloads = {
        "pull split": ["split"],
        "pull --with-deps split": ["download", "split"],
        "pull split.txt statistics.txt": ["split", "statistics"],
    }
    for number, (command, expected) in enumerate(downloads.items()):
        clone = checkout.clone(tmp_path / str(number))
        clone.configure(command)
        assert (here(clone), clone.ran()) == (expected, []), command

    clone = checkout.clone(tmp_path / "changed")
    graph = clone.root / "dvc.yaml"
    graph.write_text(graph.read_text().replace("stage.py report", "stage.py  report"))
    clone.dvc("repro", "--pull", "--allow-missing", "report")
    # download.txt is not among them: report does not read it
    assert (here(clone), clone.ran()) == (["report", "split", "statistics"], ["report"])
