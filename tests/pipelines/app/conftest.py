"""The page's application with a real worker, and a network that calls every dark pixel a crack."""

import time

import cv2
import keras
import numpy as np
import pytest
from starlette.testclient import TestClient

from crackflow.runtimes.choice import load
from pipelines.app.access import protected
from pipelines.app.results import ResultFiles
from pipelines.app.routes import Site
from pipelines.app.shelf import Limits, Shelf
from pipelines.app.worker import Worker
from pipelines.commands import model_choice
from pipelines.commands.marking import How
from pipelines.commands.predict import most_of

PORT, TOKEN = 8765, "the-token"


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    pixels = keras.Input((32, 32, 3))
    layer = keras.layers.Conv2D(2, 1, activation="softmax")
    found = keras.Model(pixels, layer(pixels))
    # the crack's logit is 10 - 0.1 * level, the background's 0
    layer.set_weights([np.array([0, -0.1 / 3] * 3, np.float32).reshape(1, 1, 3, 2), np.array([0, 10], np.float32)])
    path = tmp_path_factory.mktemp("model") / "dark.keras"
    found.save(path)
    return path


def line(height=40, width=60, thick=3):
    """A photograph with a dark line from left to right, as the bytes of a PNG."""
    photo = np.full((height, width, 3), 200, np.uint8)
    photo[height // 2 : height // 2 + thick, 5:-5] = 10
    return cv2.imencode(".png", photo)[1].tobytes()


class Served:
    """The application, and a client that has the token."""

    def __init__(self, folder, weights, network, limits=None, max_memory=0.05):
        for name in ("uploads", "results", "downloads"):
            (folder / name).mkdir()
        self.folder = folder
        self.shelf = Shelf(folder / "uploads", limits or Limits())
        self.results = ResultFiles(folder / "results", list(weights.params.classes)[1:], ABOUT)
        how = How(weights.point(), "stretch", "auto", 1)
        self.worker = Worker(lambda: network, how, most_of(max_memory, "auto"), self.shelf, self.results)
        words = {"model": "dark", "terms": "", "version": "0"}
        site = Site(self.shelf, self.results, self.worker, words, folder / "downloads")
        self.app = protected(site.application(), PORT, TOKEN)
        self.client = self.browser({"authorization": f"Bearer {TOKEN}"})
        self.worker.start()

    def browser(self, headers=None):
        return TestClient(self.app, f"http://127.0.0.1:{PORT}", headers=headers, raise_server_exceptions=False)

    def send(self, name, content, expected=201):
        answer = self.client.put("/api/photos", params={"name": name}, content=content)
        assert answer.status_code == expected, answer.text
        return answer.json()

    def state(self):
        return self.client.get("/api/state").json()

    def settled(self):
        """All photographs once nothing is left to do, by their names."""
        for _ in range(600):
            photos = self.state()["photos"]
            if all(one["state"] in ("done", "failed") for one in photos):
                return {one["name"]: one for one in photos}
            time.sleep(0.05)
        raise AssertionError(photos)

    def files(self):
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())


ABOUT = {
    "command": "app",
    "model": "dark",
    "model_sha256": "0" * 64,
    "version": "0",
    "runtime": "keras",
    "scale": "auto",
    "operating_point": "crack above 0.5",
}


@pytest.fixture
def make(tmp_path, model):
    """Makes what is served; all are ended after the test."""
    made = []
    weights = model_choice.choose(tmp_path, str(model))

    def one(network=None, **options):
        folder = tmp_path / f"served{len(made)}"
        folder.mkdir()
        made.append(Served(folder, weights, network or load(model, "keras", 2), **options))
        return made[-1]

    yield one
    for one in made:
        one.worker.stop()
        assert not one.worker.is_alive()


@pytest.fixture
def served(make):
    return make()
