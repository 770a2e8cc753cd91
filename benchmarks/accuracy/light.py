"""Make a photograph's light alike before the network sees it: does that help on places it has never seen?

Run `python -m benchmarks.accuracy.light` after `python -m benchmarks.accuracy.foreign`. It takes the two models of the
profile photos from there, each trained without four places, and predicts home and these places again from photographs
whose light was changed: grey world, CLAHE, and a stretch of the levels. Nothing is trained. The table goes to
docs/explanation/operating-point.md.

After a kill, run it again: what has been predicted is not predicted again. `--fold N` takes one of the models, so two
runs can go side by side; `--tables` writes the page alone.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.accuracy import foreign, real, trials
from crackflow.atomic import replacing, write_text
from crackflow.keras_import import import_keras
from scripts.tables import fill, markdown

RESULTS = real.ROOT / "docs/results/light.json"
PAGE = real.ROOT / "docs/explanation/operating-point.md"
Pixels = npt.NDArray[np.uint8]


def grey_world(image: Pixels) -> Pixels:
    """Scale each channel so that all have the mean of the three (Buchsbaum 1980)."""
    means = image.reshape(-1, image.shape[2]).mean(axis=0)
    return np.clip(np.rint(image * (means.mean() / np.maximum(means, 1))), 0, 255).astype(np.uint8)


def clahe(image: Pixels) -> Pixels:
    """Equalise the lightness of CIELAB in 8x8 tiles with a clip limit of 2 (Zuiderveld 1994), OpenCV's usual values."""
    return _on_lightness(image, cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply)


def stretched(image: Pixels) -> Pixels:
    """Stretch the lightness of CIELAB so that its 1st and 99th percentiles become 0 and 255."""

    def stretch(lightness: Pixels) -> Pixels:
        low, high = np.percentile(lightness, (1, 99))
        return np.clip(np.rint((lightness - low) * (255 / max(high - low, 1))), 0, 255).astype(np.uint8)

    return _on_lightness(image, stretch)


def _on_lightness(image: Pixels, change: Callable[[Pixels], Any]) -> Pixels:
    levels = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    levels[..., 0] = change(np.ascontiguousarray(levels[..., 0]))
    return np.asarray(cv2.cvtColor(levels, cv2.COLOR_LAB2RGB), np.uint8)


LIGHTS: Mapping[str, Callable[[Pixels], Pixels]] = {"grey world": grey_world, "CLAHE": clahe, "stretched": stretched}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results/light.json")
    parser.add_argument("--steps", type=int, default=foreign.STEPS, help=f"of the trainings (default: {foreign.STEPS})")
    parser.add_argument("--fold", type=int, choices=range(len(foreign.FOLDS)), help="one of the two models")
    args = parser.parse_args()
    if not args.tables:
        measure(foreign.budget(args.steps), range(len(foreign.FOLDS)) if args.fold is None else [args.fold])
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def measure(short: tuple[str, ...], folds: Sequence[int]) -> None:
    """Predict in each light with the models of these folds; write the figures when those of both are there."""
    table = trials.rows()
    done = [foreign.trial(table, short, foreign.BASE, fold) for fold in range(len(foreign.FOLDS))]
    if not all(map(trials.finished, done)):
        sys.exit("error: the trainings are not done; run python -m benchmarks.accuracy.foreign first")
    for fold in folds:
        for name, change in LIGHTS.items():
            predict(done[fold], name, change)
    if all(kept(one, name).exists() for one in done for name in LIGHTS):
        write_text(RESULTS, json.dumps(gathered(done, table, short), indent=1) + "\n")


def kept(one: trials.Trial, name: str) -> Path:
    """Where the levels of a training's images in this light are."""
    return trials.TRIALS / trials.key(one) / f"levels-{name.replace(' ', '-')}.npz"


def predict(one: trials.Trial, name: str, change: Callable[[Pixels], Pixels]) -> None:
    """Predict what a training is scored on, in this light, where that was not done yet."""
    path = kept(one, name)
    if path.exists():
        return
    import_keras()
    from crackflow.evaluation.thresholds import levels
    from crackflow.imaging.pairs import ResizedPairs
    from crackflow.inference import network
    from crackflow.inference.predictor import load_model
    from crackflow.training.checkpoints import Checkpoints

    pairs = ResizedPairs(real.TREE / "data/resized", 2, 3)
    model = load_model(Checkpoints(path.parent).best)
    found = {
        stem: levels(network.predict(model, change(pairs.image(stem))[None])[0], pairs.mask(stem))
        for stem in tqdm(dict.fromkeys((*one.valid, *one.scored, *one.unseen)), desc=name, unit="image")
    }
    with replacing(path) as part, part.open("wb") as file:
        np.savez_compressed(file, stems=np.array(list(found)), levels=np.stack(list(found.values())).astype(np.int32))


def levels_in(path: Path) -> dict[str, Any]:
    """Levels by stem, as `predict` wrote them."""
    with np.load(path, allow_pickle=False) as found:
        return dict(zip(found["stems"].tolist(), found["levels"].astype(np.int64), strict=True))


def gathered(done: list[trials.Trial], table: Any, short: tuple[str, ...]) -> dict[str, Any]:
    """Figures of each light, as foreign.measured gives them, over both models."""
    lights: dict[str, Any] = {}
    for name in ("as it is", *LIGHTS):
        found: dict[str, Any] = {"home": [], "places": {}}
        for one, fold in zip(done, foreign.FOLDS, strict=True):
            known = trials.levels_by_stem(one) if name not in LIGHTS else levels_in(kept(one, name))
            of_fold = foreign.measured(known, one, table, fold)
            found["home"].append(of_fold["home"])
            found["places"] |= of_fold["places"]
        lights[name] = found
    command = "python -m benchmarks.accuracy.light"
    return {"command": command, "budget": list(short), "machine": real.machine(), "lights": lights}


def page(text: str) -> str:
    """The page with the table of docs/results/light.json; as it is where nothing was measured."""
    if not RESULTS.exists():
        return text
    values = json.loads(RESULTS.read_text(encoding="utf-8"))
    return fill(text, "light", "benchmarks.accuracy.light", lights(values["lights"]))


def lights(found: Mapping[str, Any]) -> str:
    """One row a light: home, the mean over places never seen, and how far that differs from photographs as they are."""
    base = found["as it is"]
    rows = [[name, *foreign.cells(one, None if one is base else base)] for name, one in found.items()]
    return markdown(["light", *foreign.head("as it is")], rows, "---:")


if __name__ == "__main__":
    sys.exit(main())
