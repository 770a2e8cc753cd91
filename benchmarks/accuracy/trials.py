"""Short trainings on the resized pairs of a real run, for the ablation and the foreign sources.

`python -m benchmarks.accuracy.trials FOLDER` runs FOLDER/trial.json and writes FOLDER/result.json, and to
FOLDER/levels.npz how many pixels of each image have which probability, from which any figure follows. The other
programs start one process per training, because Keras keeps memory and random state from one training to the next.
After a kill it goes on from its checkpoint. What has a result is not trained again.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from benchmarks.accuracy import real
from crackflow.atomic import replacing, write_text
from crackflow.evaluation.metrics import Counts
from tasks.code_closure import fingerprint

TRIALS = real.ROOT / ".crackflow/trials"
METRIC = "pooled_iou"
# The network of the first weights, as differences from the profile photos, which had it until a pretrained encoder took
# its place. The trials in docs/results are of it.
FIRST_NETWORK = (
    "model.architecture=flexunet",
    "model.widths=[16, 32, 80, 160, 224, 256]",
    "model.decoder_convs=1",
    "model.base_kernels=[3, 3]",
    "model.head=packed",
    "train.precision=mixed_bfloat16",
)
# The profile photos had these augmentations when the trials in docs/results were made. The trials are the reason why it
# lost them for a while (docs/explanation/recipe.md).
AUGMENTED = (
    "train.augment.scale=0.35",
    "train.augment.brightness=0.15",
    "train.augment.contrast=0.25",
    "train.augment.gamma=0.25",
    "train.augment.noise=0.02",
    "train.augment.blur=0.7",
    "train.augment.shadow=0.4",
)


@dataclass(frozen=True)
class Trial:
    """One training and what it is scored on.

    Attributes:
        settings: differences from the profile photos, KEY=VALUE.
        train: stems to train on.
        valid: stems that pick the epoch and the threshold.
        scored: stems that the figures are of.
        foreign: stems of places never seen that help to pick the epoch and the threshold.
        unseen: stems of places never seen that are scored apart.
    """

    settings: tuple[str, ...]
    train: tuple[str, ...]
    valid: tuple[str, ...]
    scored: tuple[str, ...]
    foreign: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


def rows() -> pd.DataFrame:
    """data/split.csv of the real run. Exits with what to do when there is none."""
    path = real.TREE / "data/split.csv"
    if not path.exists():
        sys.exit("error: no real run is there; `make real DATA=DIR` makes it")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def stems(table: pd.DataFrame, subset: str) -> tuple[str, ...]:
    """The stems of a subset."""
    return tuple(table["stem"][table["subset"] == subset])


def finished(trial: Trial) -> bool:
    """Whether the trial has a result."""
    return (TRIALS / key(trial) / "result.json").exists()


def levels_by_stem(trial: Trial) -> dict[str, Any]:
    """What `thresholds.levels` gives, int64 (2, 257), by stem of each image that a finished trial was scored on."""
    with np.load(TRIALS / key(trial) / "levels.npz", allow_pickle=False) as kept:
        return dict(zip(kept["stems"].tolist(), kept["levels"].astype(np.int64), strict=True))


def carry_out(name: str, trial: Trial) -> dict[str, Any]:
    """Give the result of a trial; train where there is none yet."""
    folder = TRIALS / key(trial)
    result = folder / "result.json"
    if not result.exists():
        write_text(folder / "trial.json", json.dumps(asdict(trial), sort_keys=True))
        print(f"{name}: {', '.join(trial.settings) or 'as it is'}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.accuracy.trials", str(folder)], cwd=real.ROOT, check=False
        )
        if done.returncode:
            sys.exit(f"error: {name} ended with exit code {done.returncode}; run again to go on")
    return dict(json.loads(result.read_text(encoding="utf-8")))


def key(trial: Trial) -> str:
    """A hash of all that the result depends on: the recipe, the pairs, Keras, the code that trains and scores."""
    from pipelines.commands.profile import load

    params = load(real.ROOT / "profiles", "photos", trial.settings)
    digest = hashlib.sha256(json.dumps([asdict(trial), params.model_dump(mode="json")], sort_keys=True).encode())
    digest.update(json.loads((real.TREE / "data/raw.json").read_text(encoding="utf-8"))["sha256"].encode())
    digest.update(version("keras").encode())
    digest.update(fingerprint("benchmarks.accuracy.trials").encode())
    return digest.hexdigest()[:16]


def main(folder: Path) -> None:
    import keras

    from crackflow.imaging.pairs import ResizedPairs
    from crackflow.inference.predictor import load_model
    from crackflow.parallel.machine import peak_mib
    from crackflow.sources.provenance import NameRules
    from crackflow.training.checkpoints import Checkpoints
    from crackflow.training.loop import train
    from pipelines.commands.profile import load

    trial = Trial(**{key: tuple(value) for key, value in json.loads((folder / "trial.json").read_text()).items()})
    params = load(real.ROOT / "profiles", "photos", trial.settings)
    pairs = ResizedPairs(real.TREE / "data/resized", len(params.classes), params.model.image_channels)
    kept = Checkpoints(folder)
    source_of = NameRules.of(params.split).source
    sources = {stem: source_of(stem) for stem in trial.train}
    train(
        pairs,
        trial.train,
        trial.valid,
        params.resize.size,
        params.model,
        params.train,
        kept,
        lambda *_: None,
        sources,
        trial.foreign,
    )
    model = load_model(kept.best)
    stems = dict.fromkeys((*trial.valid, *trial.foreign, *trial.scored, *trial.unseen))
    known = {stem: levels_of(model, pairs, stem) for stem in tqdm(stems, desc="score", unit="image")}
    with replacing(folder / "levels.npz") as part, part.open("wb") as file:
        np.savez_compressed(file, stems=np.array(list(known)), levels=np.stack(list(known.values())).astype(np.int32))
    found = {
        "settings": list(trial.settings),
        "parameters": int(keras.saving.load_model(kept.best, compile=False).count_params()),
        "megabytes": kept.best.stat().st_size / 1e6,
        "steps": params.train.epochs * params.train.steps_per_epoch,
        "peak_mib": peak_mib(),
        **scored(known, trial, source_of, params.evaluate.foreign_weight),
    }
    write_text(folder / "result.json", json.dumps(found, indent=1) + "\n")


def scored(
    known: Mapping[str, Any], trial: Trial, source_of: Callable[[str], str], foreign_weight: float = 0.5
) -> dict[str, Any]:
    """The best threshold on valid, and the figures at it, over all scored pairs and by source of the stem.

    Where the trial has foreign pairs, the threshold is best for the mean of both, in which they have that weight.
    """
    from crackflow.evaluation.places import Places
    from crackflow.evaluation.thresholds import choose_threshold, counts_at

    choosing = (*trial.valid, *trial.foreign)
    abroad = np.array([False] * len(trial.valid) + [True] * len(trial.foreign))
    places = Places(abroad, foreign_weight) if trial.foreign else None
    point = choose_threshold(counts_at(np.stack([known[stem] for stem in choosing])), METRIC, places)
    sources = sorted({source_of(stem) for stem in trial.scored})
    return {
        "threshold": point.threshold,
        "all": figures(known, trial.scored, point.threshold),
        **({"unseen": figures(known, trial.unseen, point.threshold)} if trial.unseen else {}),
        "by_source": {
            source: figures(known, [stem for stem in trial.scored if source_of(stem) == source], point.threshold)
            for source in sources
        },
    }


def levels_of(model: Any, pairs: Any, stem: str) -> Any:
    """How many pixels of an image have which probability level."""
    from crackflow.evaluation.thresholds import levels
    from crackflow.inference.network import predict

    return levels(predict(model, pairs.image(stem)[None])[0], pairs.mask(stem))


def figures(known: Mapping[str, Any], names: Sequence[str], threshold: float) -> dict[str, Any]:
    """Pooled IoU, mean IoU of images with cracks, share of crack-free images with an alarm."""
    from crackflow.evaluation.figures import plain
    from crackflow.evaluation.metrics import false_alarms, iou, pooled, positives

    found = counts(known, names, threshold)
    return plain(
        {
            "images": len(names),
            "pooled_iou": float(pooled(iou, found)),
            "positives_iou": float(positives(iou, found)),
            "false_alarms": false_alarms(found).images,
        }
    )


def counts(known: Mapping[str, Any], names: Sequence[str], threshold: float) -> Counts:
    """Counts of each image, (N,), at one of THRESHOLDS."""
    from crackflow.evaluation.thresholds import THRESHOLDS, counts_at

    at = counts_at(np.stack([known[name] for name in names]))
    column = int(np.searchsorted(THRESHOLDS, threshold))
    return Counts(*(part[:, column] for part in (at.tp, at.fp, at.fn, at.tn)))


if __name__ == "__main__":
    from crackflow.keras_import import import_keras

    import_keras()
    main(Path(sys.argv[1]))
