"""`crackflow score`: the figures of a model on labelled pairs that it has not seen, by the code of the stages."""

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.table import Table

from crackflow.errors import DataError
from crackflow.evaluation.figures import plain
from crackflow.evaluation.headline import BY_NAME, figure_text, figure_words
from crackflow.evaluation.native_scoring import score_native
from crackflow.evaluation.scoring import score_pairs
from crackflow.evaluation.tables import per_source_table
from crackflow.imaging.pairs import ResizedPairs
from crackflow.inference.operating_point import as_json
from crackflow.inference.operating_point_file import UNKNOWN, read_file
from crackflow.inference.packaged_weights import Seen, Weights
from crackflow.inference.pair_predictions import in_this_process
from crackflow.models.seen_pairs import known
from crackflow.output.claim import claim
from crackflow.output.manifest import source_of
from crackflow.params import DataParams, Params
from crackflow.runtimes.choice import choose_runtime, digest, load
from crackflow.sources.provenance import NameRules
from crackflow.sources.sets import set_name
from crackflow.splitting.grouping import group_pairs
from crackflow.splitting.near_duplicates import near_duplicates
from crackflow.work_folder import work_folder
from pipelines.commands import native_pairs
from pipelines.commands.model_choice import seen
from pipelines.commands.score_page import GALLERY, PAGE, TABLES, write_page
from tasks import download, evaluate, resize
from tasks.outputs import write_csv
from tasks.workspace import Workspace

FIGURES = "evaluation.json"
FILES = (*TABLES, "precision_recall.png", PAGE)
PREDICTIONS = "predictions"
# The columns of the table by source; a terminal of 80 characters has room for these.
COLUMNS = tuple(
    BY_NAME[name] for name in ("pooled_iou", "pooled_f1", "positives_iou", "tolerant_f1", "false_alarms_images")
)


@dataclass(frozen=True)
class Outcome:
    """The figures, and how many pairs they leave out.

    Attributes:
        figures: as metrics/evaluation.json.
        by_source: as reports/per_source.csv.
        trained_on: pairs set aside because the weights were fitted to them.
        chosen_on: pairs set aside because epoch or operating point were chosen on them.
        rejected: pairs that can't be used.
    """

    figures: dict[str, Any]
    by_source: pd.DataFrame
    trained_on: int
    chosen_on: int
    rejected: int

    def rows(self) -> list[dict[str, Any]]:
        """Give `by_source` for JSON, with None where a figure is undefined."""
        return [plain({str(name): one for name, one in row.items()}) for row in self.by_source.to_dict("records")]

    def words(self) -> str:
        """Say in one line what was scored and what was not."""
        return (
            f"scored: {self.figures['protocol']['images']}; set aside: {self.trained_on} that the model was trained "
            f"on, {self.chosen_on} that its operating point was chosen on; rejected: {self.rejected}"
        )


def score(
    weights: Weights,
    pairs: Path,
    out: Path | None = None,
    *,
    force: bool = False,
    native: bool = False,
    runtime: str = "keras",
    wanted: Callable[[str], bool] = bool,
) -> Outcome:
    """Score a model on a folder or zip of labelled pairs.

    Args:
        weights: as pipelines.commands.model_choice.choose gives them.
        pairs: any layout that `data.source: folder` takes. Pairs with the names of those that the model has
            seen are set aside, with their set before the name or without.
        out: the folder to write figures, tables, predictions and the page to look through them to; see
            crackflow.output.claim. None writes nothing.
        force: whether files of the user in `out` may be replaced where they have the names of results, and figures of
            other pairs.
        native: whether pairs are scored at their own pixels, as crackflow predict marks them; otherwise at the size
            of the training pairs, as stage evaluate does.
        runtime: as crackflow.runtimes.choice.choose_runtime takes it; Keras is what stage evaluate runs on.
        wanted: whether the pairs of a source are scored, by its name; all are by default.

    Returns:
        The figures, and how many pairs they are not of.

    Raises:
        DataError: when no pair is left to score, `pairs` can't be used, or `out` can't be written without a loss.
        ModelError: when the model, its operating point or its lists are absent or can't be used.
    """
    if not pairs.exists():
        raise DataError(f"no folder and no zip at {pairs}; name one that holds images/ and masks/")
    not_to_score, runs_on = seen(weights), choose_runtime(weights.model, runtime)
    point = weights.point()
    origin = read_file(weights.point_file).origin() if weights.point_file is not None else UNKNOWN
    data = DataParams(source="folder", path=str(pairs.resolve()), max_rejected=1.0)
    params = weights.params.model_copy(update={"data": data})
    with contextlib.ExitStack() as stack:
        folder = None
        if out is not None:
            folder = stack.enter_context(claim(out, pairs, [*FILES, FIGURES], command="score", force=force))
            if folder.of_others({FIGURES: (pairs,)}):
                raise DataError(f"{out} holds figures of other pairs; name another --out, or add --force")
        # on the disk of the results where there is one: it must hold copies of all pairs
        workspace = Workspace(stack.enter_context(work_folder(out)))
        rows, trained_on, chosen_on, rejected = _rows(workspace, params, not_to_score, wanted, native)
        names = list(params.classes)
        pairs_of = ResizedPairs(workspace.resized, len(names))
        workspace.predictions.mkdir(parents=True)
        model, masks = load(weights.model, runs_on, len(names)), workspace.predictions
        if native:
            mode = params.resize.mode
            found = score_native(model, pairs_of, rows, params.evaluate, names, point, origin, mode, masks=masks)
        else:
            workers = in_this_process(model)
            found = score_pairs(workers, pairs_of, rows, params.evaluate, names, point, origin, masks=masks)
        if folder is not None:
            evaluate.publish(workspace, found)
            title = f"Figures of {weights.name} on {pairs.resolve().name}"
            write_page(workspace, rows, found, len(names), title, (trained_on, chosen_on))
            results = _results(workspace)
            folder.begin(
                list(results),
                digest(weights.model),
                {
                    "model": weights.name,
                    "operating_point": as_json(point),
                    "resize": params.resize.model_dump(mode="json"),
                    "native": native,
                    "runtime": runs_on,
                    "tolerance_px": params.evaluate.tolerance_px,
                },
                keep_others=False,
            )
            for name, path in results.items():
                folder.write(name, path.read_bytes(), source_of(pairs) if name == FIGURES else None)
            folder.finish()
    return Outcome(plain(found.figures), per_source_table(found.images), trained_on, chosen_on, rejected)


def table(outcome: Outcome) -> Table:
    """Lay out the figures by source for a terminal, then those of all and of an all-black mask."""
    protocol = outcome.figures["protocol"]
    found = Table(
        title="crack class, by source",
        caption=". ".join(f"{one.short}: {figure_words(one, protocol)}" for one in COLUMNS) + ".",
        box=box.SIMPLE,
        collapse_padding=True,
        pad_edge=False,
        title_justify="left",
        caption_justify="left",
        title_style="bold",
    )
    found.add_column("source", no_wrap=True)
    for heading in ("images", "cracked", *(one.short for one in COLUMNS)):
        found.add_column(heading, justify="right")
    for row in outcome.by_source.to_dict("records"):
        counts = [str(row[name]) for name in ("source", "images", "images_with_cracks")]
        found.add_row(*counts, *(figure_text({"crack": row}, one) for one in COLUMNS))
    found.add_section()
    for name, side in (("all", "crack"), ("all-black mask", "all_background")):
        counts = [name, str(protocol["images"]), str(protocol["images_with_cracks"])]
        found.add_row(*counts, *(figure_text(outcome.figures, one, side, interval=False) for one in COLUMNS))
    return found


def _rows(
    workspace: Workspace, params: Params, not_to_score: Seen, wanted: Callable[[str], bool], native: bool
) -> tuple[pd.DataFrame, int, int, int]:
    """Download the pairs that may be scored, and resize them unless `native`.

    Gives their rows, and how many were left out for each reason.
    """
    rules = NameRules.of(params.split)
    with contextlib.redirect_stdout(sys.stderr):
        download.run(workspace, params)
        listed = pd.read_csv(workspace.raw / "pairs.csv", dtype=str, keep_default_na=False)
        # of one set alone, no set is noted
        alone = set_name(Path(params.data.path))
        names = {stem: _names(stem, one or alone) for stem, one in zip(listed["stem"], listed["set"], strict=True)}
        trained_on = {stem for stem in names if known(names[stem], not_to_score.trained_on)}
        chosen_on = {stem for stem in names if known(names[stem], not_to_score.chosen_on)} - trained_on
        new = listed[~listed["stem"].isin(trained_on | chosen_on) & listed["stem"].map(rules.source).map(wanted)]
        if new.empty:
            raise DataError(
                f"nothing to score: the model has seen all {len(listed)} pairs, {len(trained_on)} in training and "
                f"{len(chosen_on)} when its operating point was chosen; name pairs that it has not seen"
            )
        write_csv(workspace.raw / "pairs.csv", new)
        (native_pairs if native else resize).run(workspace, params)
    made = pd.read_csv(workspace.resized_csv, dtype=str, keep_default_na=False)
    usable = made[made["rejected"] == ""]
    stems = usable["stem"]
    if stems.empty:
        raise DataError(
            f"nothing to score: none of {len(made)} pairs can be used; the first: {made['rejected'].iloc[0]}"
        )
    # as stage split groups them: the confidence intervals draw whole groups
    found = near_duplicates(dict(zip(stems, usable["phash"], strict=True)), params.split.duplicate_distance)
    parents = dict(zip(stems, usable["photograph"].map(rules.parent), strict=True))
    groups = group_pairs(parents, [(one.one, one.other) for one in found])
    sources = usable["photograph"].map(rules.source)
    rows = pd.DataFrame({"stem": stems, "source": sources, "group": stems.map(groups), "subset": "test"})
    return rows, len(trained_on), len(chosen_on), len(made) - len(stems)


def _names(stem: str, one_set: str) -> tuple[str, ...]:
    """All names that a pair may have: where two sets share one, crackflow puts `SET_` before it.

    The sets that the model was trained on need not be those that are scored: each way round, a pair can have the set
    before its name in the one and not in the other.
    """
    return stem, f"{one_set}_{stem}", stem.removeprefix(f"{one_set}_")


def _results(workspace: Workspace) -> dict[str, Path]:
    """Where each result lies, by its name; the figures last, since they say that the others are there."""
    predictions = {f"{PREDICTIONS}/{path.name}": path for path in sorted(workspace.predictions.iterdir())}
    pictures = sorted(path for path in (workspace.reports / GALLERY).rglob("*") if path.is_file())
    shown = {path.relative_to(workspace.reports).as_posix(): path for path in pictures}
    files = {name: workspace.reports / name for name in FILES}
    return predictions | shown | files | {FIGURES: workspace.metrics_json}
