"""Turn a finished run into the weights that come with the package, with their card.

`python -m scripts.pack [TREE]`, or `make weights` after `make real DATA=DIR`. TREE is a work tree in which all
stages ran (.crackflow/real, where `make real` leaves its own). Written is crackflow/weights: the model in half its
bytes, its topology for OpenVINO, its operating point, the hashed stems that it was trained and its point was chosen on,
card.json, and the tables of MODEL_CARD.md. The figures are of the packed weights, scored by `crackflow score` on the
run's own pairs: the same command on the same pairs gives them again. `--page` writes the tables of the page alone.
`--score DATA` scores the packaged weights again, on the pairs in DATA that they have not seen, and writes the figures
into card.json and page.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from crackflow.atomic import write_text
from crackflow.errors import CrackflowError, DataError, ModelError
from crackflow.evaluation.figures import foreign_figures, plain
from crackflow.imaging.pairs import ResizedPairs
from crackflow.inference import packaged_weights
from crackflow.inference.card import CARD, card_values
from crackflow.inference.operating_point import sha256
from crackflow.keras_import import import_keras
from crackflow.models import seen_pairs
from crackflow.models.compression import MANTISSA_BITS, pack
from crackflow.splitting.foreign import CHOSEN_ON
from crackflow.strict_json import FORMAT
from pipelines.commands.score import score
from scripts import leave_out
from scripts.card_page import page
from scripts.data_terms import read_terms, use_of, used
from scripts.topology import add_topology
from tasks.outputs import write_json
from tasks.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
TREE = ROOT / ".crackflow/real"
RESULTS = ROOT / "docs/results/real.json"
FOREIGN = ROOT / "docs/results/foreign.json"
MAX_BYTES = 10_000_000
# What packing may cost, in pooled IoU.
MAX_LOSS = 0.001


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tree", type=Path, nargs="?", default=TREE, help="a work tree in which all stages ran")
    parser.add_argument("--results", type=Path, default=RESULTS, help="what benchmarks.accuracy.real wrote of that run")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--page", action="store_true", help="write the tables of MODEL_CARD.md alone")
    only.add_argument("--score", type=Path, metavar="DATA", help="score the packaged weights again, on pairs in DATA")
    args = parser.parse_args()
    try:
        if args.score:
            score_again(packaged_weights.FOLDER, args.score)
        elif not args.page:
            results = json.loads(args.results.read_text(encoding="utf-8"))
            write(Workspace(args.tree.resolve()), results, packaged_weights.FOLDER)
        path = packaged_weights.FOLDER / packaged_weights.PAGE
        write_text(path, page(path.read_text(encoding="utf-8"), card_values(packaged_weights.FOLDER)))
    except CrackflowError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except FileNotFoundError as error:
        print(f"error: {error.filename} is not there; `make real DATA=DIR` makes it", file=sys.stderr)
        return CrackflowError.exit_code
    return 0


def write(run: Workspace, results: dict[str, Any], target: Path) -> None:
    """Write the files of `target` that a run decides; the pages by hand stay.

    Args:
        run: a work tree in which all stages ran.
        results: as benchmarks.accuracy.real wrote it of that run.
        target: laid out as crackflow/weights.

    Raises:
        DataError: when `results` is of another run.
        ModelError: when the packed model is too large, or scores otherwise than the run's.
    """
    before = json.loads(run.metrics_json.read_text(encoding="utf-8"))
    if results["figures"] != before:
        raise DataError(f"{run.metrics_json} and docs/results hold different figures; `make real DATA=DIR` makes both")
    if results["stage_s"]["train"] is None:
        raise DataError(
            "docs/results has no time for the training, whose model DVC took from its cache; make it anew with "
            "`dvc repro --force --single-item train` in the work tree, and run `make real DATA=DIR` again"
        )
    split = pd.read_csv(run.split_csv, dtype=str, keep_default_na=False)
    train = list(split["photograph"][split["subset"] == "train"])
    chosen_on = list(split["photograph"][split["subset"].isin(CHOSEN_ON)])
    with tempfile.TemporaryDirectory(prefix=".pack-", dir=target.parent) as name:
        folder = Path(name)
        model = folder / packaged_weights.MODEL
        pack(run.model, model)
        if model.stat().st_size > MAX_BYTES:
            raise ModelError(f"the packed model has {model.stat().st_size:,} bytes, expected at most {MAX_BYTES:,}")
        point = json.loads(run.operating_point.read_text(encoding="utf-8"))
        write_json(folder / packaged_weights.POINT, {**point, "model_sha256": sha256(model)})
        write_text(folder / packaged_weights.TRAINED_ON, _trained_on(run, train))
        write_text(folder / packaged_weights.CHOSEN_ON, packaged_weights.chosen_on_text(chosen_on))
        pictures = ResizedPairs(run.resized, len(results["params"]["classes"])).image
        card = _card(results, split, model, before)
        card["packing"]["openvino"] = add_topology(folder, map(pictures, split["stem"][split["subset"] == "test"]))
        write_json(folder / CARD, card)
        scored = scored_figures(folder, run.raw)
        loss = abs(scored["figures"]["crack"]["pooled"]["iou"] - before["crack"]["pooled"]["iou"])
        if loss >= MAX_LOSS:
            raise ModelError(f"packing moves pooled IoU by {loss:.4f}, expected less than {MAX_LOSS}; keep more bits")
        write_json(folder / CARD, {**card_values(folder), **scored})
        # the card last: it names the model by its checksum, so a killed packing shows
        for path in sorted(folder.iterdir(), key=lambda path: path.name == CARD):
            path.replace(target / path.name)
    print(f"{target.name}: {(target / packaged_weights.MODEL).stat().st_size:,} bytes")


def scored_figures(folder: Path, pairs: Path) -> dict[str, Any]:
    """Score the weights in `folder` on the pairs that they have not seen.

    Args:
        folder: laid out as crackflow/weights.
        pairs: the pairs that the weights were trained from, as `crackflow score` takes them.

    Returns:
        Parts of the card: figures and by_source of test; foreign and foreign_by_source, of the sources that were left
        out of training to be measured, None where there are none.
    """
    weights = packaged_weights.open_folder(folder, "the packed weights")
    left_out = set(card_values(folder)["params"]["split"].get("foreign", {}).get("test", ()))
    home = score(weights, pairs, wanted=lambda source: source not in left_out)
    print(f"test: {home.words()}")
    found: dict[str, Any] = {"figures": home.figures, "by_source": home.rows(), "foreign": None}
    if left_out:
        abroad = score(weights, pairs, wanted=left_out.__contains__)
        print(f"places never seen: {abroad.words()}")
        found["foreign"] = plain(foreign_figures(abroad.figures, abroad.rows()))
        found["foreign_by_source"] = abroad.rows()
    return found


def score_again(folder: Path, pairs: Path) -> None:
    """Write the figures of the weights in `folder` into its card, scored by today's code on the pairs of its test.

    Args:
        folder: laid out as crackflow/weights.
        pairs: the pairs that the weights were trained from, as `crackflow score` takes them.

    Raises:
        DataError: when there are not as many pairs to score as the card's figures are of.
        ModelError: when pooled IoU is not that of the card: these are other pairs, or the code predicts otherwise.
    """
    card = card_values(folder)
    scored = scored_figures(folder, pairs)
    # not those of the split, which sets aside what looks like a photograph of a source that was left out
    images, wanted = (one["protocol"]["images"] for one in (scored["figures"], card["figures"]))
    if images != wanted:
        raise DataError(f"{pairs} holds {images} pairs to score, expected {wanted}; name the pairs of the training")
    now, before = (one["crack"]["pooled"]["iou"] for one in (scored["figures"], card["figures"]))
    if abs(now - before) >= MAX_LOSS:
        raise ModelError(f"pooled IoU is {now:.4f}, expected {before:.4f} as in card.json; find out why")
    write_json(folder / CARD, {**card, **scored})


def _trained_on(run: Workspace, stems: list[str]) -> str:
    return run.trained_on.read_text(encoding="utf-8") if run.trained_on.is_file() else seen_pairs.render(stems)


def _card(results: dict[str, Any], split: pd.DataFrame, model: Path, before: dict[str, Any]) -> dict[str, Any]:
    import_keras()
    import keras

    params = results["params"]
    by_source = {
        source: dict(Counter(rows["subset"])) for source, rows in split.groupby("source", sort=True, as_index=True)
    }
    return {
        "format": FORMAT,
        "revision": results["revision"],
        "parameters": keras.saving.load_model(model, compile=False).count_params(),
        "bytes": model.stat().st_size,
        "sha256": sha256(model),
        "packing": {"mantissa_bits": MANTISSA_BITS, "pooled_iou_before": before["crack"]["pooled"]["iou"]},
        "classes": params["classes"],
        "resize": params["resize"],
        "data": {
            "pairs": results["pairs"],
            "sha256": results["pairs_sha256"],
            "subsets": dict(Counter(split["subset"])),
            "by_source": by_source,
        },
        "training": {
            "machine": results["machine"],
            "seconds": results["stage_s"]["train"],
            "peak_mib": results["stage_peak_mib"]["train"],
        },
        "params": params,
        # of the run; not scored again for the packed file, whose pixels are the same but for a few
        "flips": before.get("flips"),
        "use": use_of(used(by_source), read_terms()),
        "figures": before,
        "leave_out": None if params["split"]["foreign"]["test"] else leave_out.read(FOREIGN),
    }


if __name__ == "__main__":
    sys.exit(main())
