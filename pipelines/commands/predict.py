"""`crackflow predict`: marks the cracks in photographs, by a model at its operating point."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from crackflow.errors import DataError
from crackflow.geometry.scale import BOUNDS_MM
from crackflow.inference.inputs import Found
from crackflow.inference.operating_point import as_json
from crackflow.inference.packaged_weights import Weights
from crackflow.inference.photographs import Scale
from crackflow.inference.views import of_point, words
from crackflow.output.claim import claim, reject_overlap
from crackflow.output.manifest import version
from crackflow.params.compute import ComputeParams, parse_compute
from crackflow.results.run import Skipped
from crackflow.runtimes.choice import choose_runtime, digest
from crackflow.sources.layouts import shown
from pipelines.commands.marking import How, Job, Most, mark_all
from pipelines.commands.prediction_folder import Making, Measuring, PhotoFile, Results, all_names
from pipelines.commands.prediction_outputs import chosen
from pipelines.memory import MAX_MEMORY, Space
from tasks.engine import chosen as chosen_compute


@dataclass(frozen=True)
class Outcome:
    """What became of the photographs.

    Attributes:
        cracked: how many have at least one crack pixel.
        empty: how many have none.
        done_before: how many of these two an earlier run had marked.
        skipped: the others, and why each of them was not marked.
        passed_over: how many files and folders beside them are none of the formats that are read.
        mask_like: those that were marked and look like masks.
    """

    cracked: int
    empty: int
    done_before: int
    skipped: tuple[Skipped, ...]
    passed_over: int
    mask_like: tuple[str, ...] = ()

    def notes(self) -> list[str]:
        """Say, a line each, what is odd about photographs that were marked."""
        if not self.mask_like:
            return []
        which = f"{len(self.mask_like)} of {self.cracked + self.empty} pictures, the first {shown(self.mask_like[0])},"
        return [f"{which} have a few colours or black and white alone, as masks have; expected photographs; give those"]

    def words(self) -> str:
        """Say it in one line."""
        marked = f"photographs: {self.cracked + self.empty} done"
        if self.done_before:
            marked += f", {self.done_before} of them by an earlier run"
        parts = [marked, f"with cracks: {self.cracked}", f"empty: {self.empty}", f"skipped: {len(self.skipped)}"]
        first = f" ({self._reason()})" if self.skipped else ""
        return "; ".join(parts) + first

    def _reason(self) -> str:
        first = self.skipped[0].reason
        return first if len(self.skipped) == 1 else f"the first: {first}"


def predict(
    weights: Weights,
    found: Found,
    out: Path,
    *,
    force: bool = False,
    resume: bool = False,
    outputs: Iterable[str] | None = None,
    scale: Scale = "auto",
    views: int | None = None,
    max_memory: float = MAX_MEMORY,
    measuring: Measuring | None = None,
    runtime: str = "",
    compute: str = "",
) -> Outcome:
    """Mark and measure the cracks in photographs and write each kind of output.

    The summary of an earlier run is removed first, then its files that this run replaces. The summary of this run comes
    last, so where there is one, everything that it tells of is there too. Results of photographs that are not among
    these stay.

    Args:
        weights: as pipelines.commands.model_choice.choose gives them; photographs are resized as their training
            pairs were.
        found: the photographs, as crackflow.inference.inputs.find gives them.
        out: the folder to write to; see crackflow.output.claim.
        force: whether files of the user in `out`, and results of other photographs, may be replaced where they have the
            names of results.
        resume: whether photographs that an earlier run has marked, with the same model and options, are left as they
            are; results of other photographs that are called alike are replaced.
        outputs: names of OUTPUTS; None for all that need no request.
        scale: at which photographs are looked at, as crackflow.inference.photographs.predict_photo takes it.
        views: how many views of each square are averaged, as crackflow.inference.photographs.predict_photo takes it.
        max_memory: GiB that a photograph may take above what the program takes without one. One that needs more is
            skipped. Each worker may take so much.
        measuring: how cracks are measured; None for the defaults, without a scale.
        runtime: as crackflow.runtimes.choice.choose_runtime takes it.
        compute: who works, as crackflow.params.compute.parse_compute reads it; empty for what the environment says,
            else the parameters of the model's checkout.

    Returns:
        How many were done, and what was wrong with the others.

    Raises:
        DataError: when there is no photograph, none can be read, or `out` can't be written without a loss: of files of
            the user, or of results of other photographs.
        ModelError: when the model or its operating point is absent or can't be used.
        ParamsError: when `compute` can't be read, or Dask is asked for and not installed.
        ShardError: when no worker can be reached, or one has another model, other code or other folders.
        OSError: when a file can't be written; what was written before stays, and the manifest lists it.
    """
    files, most = found.photos, most_of(max_memory, scale)
    kinds, wanted = chosen(outputs), who_works(compute, weights.params.compute)
    for place in found.places[1:]:
        reject_overlap(out, place, "predict")
    with claim(out, found.places[0], all_names(kinds, files), command="predict", force=force) as folder:
        point = weights.point()
        views = of_point(point) if views is None else views
        runs_on = choose_runtime(weights.model, runtime)
        mode, model_sha256 = weights.params.resize.mode, digest(weights.model)
        settings: dict[str, JsonValue] = {
            "model": weights.name,
            "model_sha256": model_sha256,
            "version": version(),
            "runtime": runs_on,
            "operating_point": as_json(point),
            "resize_mode": mode,
            "scale": scale,
            "views": views,
        }
        measuring = measuring or Measuring()
        about = {"command": "predict", **settings, "operating_point": words(point, views), "settings": settings}
        about |= _own_classes(measuring)
        how, classes = How(point, mode, scale, views), list(weights.params.classes)
        job = Job(weights.model, model_sha256, runs_on, len(classes), how, most)
        making = Making(kinds, settings, measuring)
        results = Results(folder, making, about, classes[1:])
        if not resume:
            results.reject_others(files)
        done = results.done_before(files) if resume else []
        todo = [file for file in files if file not in set(done)]
        marked = set(done)
        # the reason says which file it is
        skipped = [Skipped("", reason) for reason in found.skipped]

        def add(made: Iterable[PhotoFile]) -> None:
            if not folder.begun:
                results.begin(files, model_sha256, done)
            results.add(made)

        if done:
            results.begin(files, model_sha256, done)
        try:
            for source, reason in mark_all(job, making, todo, wanted, out, add):
                if reason:
                    results.withdraw(source)
                    skipped.append(Skipped(source.shown, reason))
                else:
                    marked.add(source)
        except KeyboardInterrupt as stop:
            stop.add_note(
                f"{len(marked)} of {len(files)} photographs are marked in {out}, without a summary; --resume goes on"
            )
            raise
        if not marked:
            raise DataError(f"none of {len(files)} photographs can be read; the first: {skipped[0].reason}")
        ordered = [file for file in files if file in marked]
        of_each = [(one.status == "cracked", one.mask_like, one.photo) for one in results.records(ordered)]
        results.finish(ordered, skipped)
    cracked = sum(is_cracked for is_cracked, _, _ in of_each)
    like_masks = tuple(photo for _, is_like, photo in of_each if is_like)
    return Outcome(cracked, len(marked) - cracked, len(done), tuple(skipped), found.passed_over, like_masks)


def _own_classes(measuring: Measuring) -> dict[str, JsonValue]:
    own = measuring.bounds_mm
    return {} if own == BOUNDS_MM else {"width_classes_mm": list(own)}


def who_works(asked: str, params: ComputeParams) -> ComputeParams:
    """Say who works: as asked, else as the environment says, else as the parameters of the model's checkout.

    An address in those is left to its stages: Dask's scheduler can have its clients run anything, and a folder of
    photographs may hold a checkout of others.
    """
    return parse_compute(asked) if asked else chosen_compute(ComputeParams() if params.address else params)


def most_of(max_memory: float, scale: Scale) -> Most:
    """Say how many pixels a photograph may have that is looked at at `scale`; `max_memory` as for `predict`.

    Raises:
        ParamsError: when no photograph fits into so much, or no computer has it.
    """
    space = Space(max_memory, scale)
    return Most(space.most_pixels, space.most_pixels_on_disk, space)
