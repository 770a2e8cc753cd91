"""A repository of two commits with figures that are made, with real git and real DVC.

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
from pathlib import Path

import cv2
import numpy as np
import pytest
from dvc.repo import Repo

OLD = "stem,source,tp,fp,fn\na,x,50,50,0\nb,x,10,0,30\nc,y,0,5,0\nd,y,20,20,0\n"
NEW = "stem,source,tp,fp,fn\nd,y,20,0,0\na,x,50,0,0\nb,x,20,0,20\nc,y,0,0,0\n"
SPLIT = "stem,group\na,p\nb,q\nc,q\nd,r\ne,s\n"
GRAPH = """
stages:
  split:
    cmd: cp made/split.csv data/split.csv
    deps: [made/split.csv]
    outs: [data/split.csv]
  evaluate:
    cmd: cp made/per_image.csv reports/per_image.csv
    deps: [made/per_image.csv]
    outs: [reports/per_image.csv, predictions/test]
"""


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
        path.unlink(missing_ok=True)
        path.write_text(text)

    def picture(self, name, pixels):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        cv2.imwrite(str(path), pixels)

    def figures(self, iou, **protocol):
        values = {"crack": {"pooled": {"iou": iou, "f1": 0.5}}, "protocol": {"images": 4, **protocol}}
        self.write("metrics/evaluation.json", json.dumps(values))

    def predicted(self, level):
        for stem in "abcd":
            self.picture(f"predictions/test/{stem}.png", np.full((8, 8), level, np.uint8))

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def empty_cache(self):
        shutil.rmtree(self.root / ".dvc/cache")
        # DVC's record of what lies in the cache
        shutil.rmtree(self.root / ".dvc/tmp", ignore_errors=True)


@pytest.fixture(scope="session")
def _made(tmp_path_factory):
    made = Repository(tmp_path_factory.mktemp("made") / "repository")
    made.root.mkdir()
    made.git("init", "-q", "-b", "main")
    Repo.init(str(made.root)).close()
    made.write("dvc.yaml", GRAPH)
    made.write(".gitignore", "/data/\n/reports/\n/predictions/\n")
    made.write("made/split.csv", SPLIT)
    made.write("made/per_image.csv", OLD)
    made.write("params.yaml", "train:\n  epochs: 4\n  loss: {dice: 1.0}\ndata:\n  include: ['*']\n")
    made.figures(0.4324)
    made.predicted(0)
    made.run_stages()
    made.commit("old")
    made.git("switch", "-q", "-c", "better")
    made.write("made/per_image.csv", NEW)
    made.write("params.yaml", "train:\n  epochs: 8\n  loss: {dice: 1.0}\ndata:\n  include: ['a|*', b]\n")
    made.figures(0.8182)
    made.predicted(255)
    made.run_stages()
    made.commit("new")
    # no output of these stages: they lie there
    for stem in "abcd":
        made.picture(f"data/resized/images/{stem}.png", np.full((8, 8, 3), 128, np.uint8))
        made.picture(f"data/resized/masks/{stem}.png", np.full((8, 8), 255, np.uint8))
    return made.root


@pytest.fixture
def repository(_made, tmp_path, monkeypatch):
    """Two commits, `main` and `better`, the second one checked out; the current directory."""
    root = tmp_path / "repository"
    shutil.copytree(_made, root, symlinks=True)
    monkeypatch.chdir(root)
    return Repository(root)
