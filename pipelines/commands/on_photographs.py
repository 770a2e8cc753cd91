"""The commands on photographs and models, such as `predict` and `score`: read arguments, print what came of it.

What takes long to import is imported by the command that needs it.
"""

import json
import math
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.terminal import say, show
from tasks.endings import interrupted_by_signals

_MODELS = "packaged|trained|PATH"
_MOST_GIB = 2**20
_RUNTIMES = "openvino|onnx|keras"
_MODEL_HELP = (
    "The weights that come with crackflow, the model trained in this checkout, or a path: another checkout, a folder "
    "laid out as crackflow/weights, or (predict only) a .keras file. "
    "Default: trained where there is a model, else packaged."
)
_FORCE_HELP = (
    "Use a folder that holds files of yours, or results of other photographs: those that have the name of a result are "
    "replaced, the others stay."
)
_FORMAT_HELP = "Files that other tools read, in a list with commas: geojson, coco, labelme, cvat."
_MM_PER_PX_HELP = "What a pixel measures on the surface, mm. Without a scale all lengths are in px."
_MM_FILE_HELP = (
    "The same for each photograph: a CSV with the columns photograph (as summary.csv calls it) and mm_per_px."
)
_DISTANCE_HELP = (
    "How far the lens was from the surface, m. With the focal length and the sensor's width in each photograph's EXIF "
    "this gives its scale; photographs whose EXIF lacks them are skipped."
)
_SENSOR_HELP = "The longer side of the camera's sensor, mm, for --distance-m where EXIF does not tell it."
_CLASSES_HELP = (
    "From which width on a crack is fine, medium and wide, mm, where there is a scale; thinner ones are hairline. "
    "Default: 0.1,1,2."
)
_RESUME_HELP = (
    "Leave photographs as they are that an earlier run into this folder has marked with the same model and options."
)

_PHOTOS_HELP = (
    "Photographs, folders or zips of them, patterns such as 'road/*.jpg', addresses (s3://, gs://, https://; extra "
    "stores), or - for paths on standard input, one a line or each ended by a NUL."
)
_VIEWS_HELP = (
    "How many views of each photograph are averaged, in as many times the time: 1; 2, mirrored; 4, flips; 8, flips and "
    "quarter turns. Default: as many as the operating point was chosen with."
)
_NATIVE_HELP = (
    "Score at the photographs' own pixels, marked as predict marks them; otherwise resized, as crackflow rebuild does."
)
_MEMORY_HELP = "What a photograph may take beside the program itself; one that needs more is skipped."
_RUNTIME_HELP = (
    "What the model runs on. Default: the fastest that is installed and reads it, openvino for the packaged weights. "
    "All give the same masks."
)
_SCORED_ON_HELP = "What the model runs on. The default is what crackflow rebuild evaluates on; predict takes openvino."
_COMPUTE_HELP = (
    "Who works: threads, processes or dask, with :WORKERS, or dask:ADDRESS. Each worker may take --max-memory. "
    "Default: what CRACKFLOW_COMPUTE says, else threads."
)
_BEFORE_HELP = "The earlier photograph. Lengths and places are in its pixels."
_AFTER_HELP = "The later photograph of the same place, from about the same distance; it may be turned a little."
_GROWTH_MM_HELP = (
    "What a pixel of the earlier photograph measures on the surface, mm. Without it all lengths are in px."
)
_BOTH_MEMORY_HELP = "What the two photographs may take beside the program itself."
_KIND_HELP = "onnx, for ONNX Runtime and for the plugin Deepness of QGIS, or openvino."
_SCALE_HELP = (
    "At which scale photographs are looked at. 1: in squares of their own pixels; 0.5: in squares of a copy of half "
    "the size; fit: each squeezed into one square. auto: fit for those that are no larger than the square, 1 for the "
    "others. several: the mean over auto, a smaller and a larger one."
)


def _number(text: str) -> float:
    from crackflow.geometry.scale import number

    value = number(text)
    if math.isnan(value):
        raise typer.BadParameter(f"{text} is not a number, expected one such as 0.25, with a point; correct it")
    return value


def predict(
    photos: Annotated[list[str], typer.Argument(metavar="PHOTOS...", help=_PHOTOS_HELP)],
    out: Annotated[Path, typer.Option(help="A folder for the results.")],
    model: Annotated[str, typer.Option(metavar=_MODELS, help=_MODEL_HELP)] = "",
    formats: Annotated[str, typer.Option("--format", metavar="LIST", help=_FORMAT_HELP)] = "",
    probability: Annotated[
        bool, typer.Option("--probability", help="Also write probability/NAME.png, 16-bit grey.")
    ] = False,
    mm_per_px: Annotated[float | None, typer.Option(parser=_number, metavar="NUMBER", help=_MM_PER_PX_HELP)] = None,
    mm_per_px_file: Annotated[Path | None, typer.Option(metavar="CSV", help=_MM_FILE_HELP)] = None,
    distance_m: Annotated[float | None, typer.Option(parser=_number, metavar="NUMBER", help=_DISTANCE_HELP)] = None,
    sensor_width_mm: Annotated[float | None, typer.Option(parser=_number, metavar="NUMBER", help=_SENSOR_HELP)] = None,
    width_classes_mm: Annotated[str, typer.Option(metavar="FINE,MEDIUM,WIDE", help=_CLASSES_HELP)] = "",
    resume: Annotated[bool, typer.Option("--resume", help=_RESUME_HELP)] = False,
    force: Annotated[bool, typer.Option("--force", help=_FORCE_HELP)] = False,
    recursive: Annotated[bool, typer.Option("--recursive", help="Look into folders in folders as well.")] = False,
    scale: Annotated[str, typer.Option(metavar="auto|fit|several|NUMBER", help=_SCALE_HELP)] = "auto",
    views: Annotated[int | None, typer.Option(metavar="1|2|4|8", help=_VIEWS_HELP)] = None,
    max_memory: Annotated[float, typer.Option(min=0.01, max=_MOST_GIB, metavar="GIB", help=_MEMORY_HELP)] = 1.5,
    runtime: Annotated[str, typer.Option(metavar=_RUNTIMES, help=_RUNTIME_HELP)] = "",
    compute: Annotated[str, typer.Option(metavar="ENGINE", help=_COMPUTE_HELP)] = "",
) -> None:
    """Mark and measure the cracks in photographs: masks, overlays, tables, and index.html to look through.

    Exit code 0: all are done; 3: some could not be read; 2: none could, or something is to fix first.
    """
    from crackflow.inference import inputs
    from crackflow.inference import views as view
    from crackflow.inference.photographs import parse_scale
    from crackflow.work_folder import work_folder
    from pipelines import stores
    from pipelines.commands import model_choice
    from pipelines.commands import predict as prediction
    from pipelines.commands.photo_scales import Given, places_of
    from pipelines.commands.prediction_outputs import requested

    outputs = requested(formats, probability=probability)
    given = Given.of(mm_per_px, mm_per_px_file, distance_m, sensor_width_mm, width_classes_mm)
    looked_at = parse_scale(scale)
    if views is not None:
        view.check(views)
    with interrupted_by_signals(), work_folder() as work:
        listed = sys.stdin.buffer.read() if inputs.LISTED in photos else b""
        # before anything else, since a name that is mistyped is the likeliest mistake
        local = stores.fetch(photos, work, recursive=recursive)
        found = inputs.find(local.given, work=work, recursive=recursive, listed=listed)
        found = found._replace(
            skipped=(*local.skipped, *found.skipped), passed_over=local.passed_over + found.passed_over
        )
        places, not_placed = places_of(found)
        found, measuring = given.measuring(found, places)
        chosen = model_choice.choose(Path.cwd(), model)
        point = chosen.point()
        say(f"model: {chosen.name}; {view.words(point, view.of_point(point) if views is None else views)}")
        if words := given.words(found, measuring):
            say(words)
        notes = [*filter(None, [not_placed]), *given.notes(found, measuring)]
        outcome = prediction.predict(
            chosen,
            found,
            out,
            force=force,
            resume=resume,
            outputs=outputs,
            scale=looked_at,
            views=views,
            max_memory=max_memory,
            measuring=measuring,
            runtime=runtime,
            compute=compute,
        )
    for note in [*notes, *outcome.notes()]:
        say(f"note: {note}", err=True)
    for one in outcome.skipped:
        say(f"skipped: {one.reason}", err=True)
    if outcome.passed_over:
        where = f" in {stores.bare(photos[0])}" if len(photos) == 1 else ""
        say(f"passed over: {outcome.passed_over} folders and files of other kinds{where}", err=True)
    if chosen.terms():
        say(f"terms: {chosen.terms()}", err=True)
    say(f"{outcome.words()}; see {out / 'index.html'} and {out / 'summary.csv'}")
    if outcome.skipped:
        raise typer.Exit(3)


def export(
    out: Annotated[Path, typer.Option("--to", help="A folder that is absent or empty.")],
    kind: Annotated[str, typer.Option("--format", metavar="onnx|openvino", help=_KIND_HELP)] = "onnx",
    model: Annotated[str, typer.Option(metavar=_MODELS, help=_MODEL_HELP)] = "",
) -> None:
    """Write a model for OpenVINO or ONNX Runtime, with metadata.json, and compare it with Keras. Needs both extras."""
    from pipelines.commands import export_model, model_choice

    chosen = model_choice.choose(Path.cwd(), model)
    typer.echo(f"model: {chosen.name}")
    with interrupted_by_signals():
        parity = export_model.export(chosen, kind, out)
    if chosen.terms():
        typer.echo(f"terms: {chosen.terms()}", err=True)
    typer.echo(f"compared with Keras on {parity.words()}")
    typer.echo(f"wrote {out / export_model.FORMATS[kind]} and {out / 'metadata.json'}")


def score(
    pairs: Annotated[Path, typer.Argument(help="A folder or zip of photographs and masks.")],
    out: Annotated[Path | None, typer.Option(help="Where figures, tables and masks are written.")] = None,
    model: Annotated[str, typer.Option(metavar=_MODELS, help=_MODEL_HELP)] = "",
    native: Annotated[bool, typer.Option("--native", help=_NATIVE_HELP)] = False,
    runtime: Annotated[str, typer.Option(metavar=_RUNTIMES, help=_SCORED_ON_HELP)] = "keras",
    force: Annotated[bool, typer.Option("--force", help=_FORCE_HELP)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> None:
    """Score a model on labelled pairs; those that it has seen are set aside. Exit code 2: none is left."""
    from pipelines import figures as found
    from pipelines.commands import model_choice
    from pipelines.commands import score as scoring

    chosen = model_choice.choose(Path.cwd(), model)
    say(f"model: {chosen.name}", err=as_json)
    with interrupted_by_signals():
        outcome = scoring.score(chosen, pairs, out, force=force, native=native, runtime=runtime)
    say(outcome.words(), err=as_json)
    if as_json:
        typer.echo(json.dumps({**outcome.figures, "by_source": outcome.rows()}, indent=1))
        return
    places = [] if out is None else [(path.name, str(path)) for path in sorted(out.iterdir())]
    show(scoring.table(outcome), found.table(outcome.figures, places))


def growth(
    before: Annotated[Path, typer.Argument(help=_BEFORE_HELP)],
    after: Annotated[Path, typer.Argument(help=_AFTER_HELP)],
    out: Annotated[Path, typer.Option(help="A folder for the results.")],
    mm_per_px: Annotated[float | None, typer.Option(parser=_number, metavar="NUMBER", help=_GROWTH_MM_HELP)] = None,
    model: Annotated[str, typer.Option(metavar=_MODELS, help=_MODEL_HELP)] = "",
    force: Annotated[bool, typer.Option("--force", help=_FORCE_HELP)] = False,
    max_memory: Annotated[float, typer.Option(min=0.01, max=_MOST_GIB, metavar="GIB", help=_BOTH_MEMORY_HELP)] = 1.5,
    runtime: Annotated[str, typer.Option(metavar=_RUNTIMES, help=_RUNTIME_HELP)] = "",
) -> None:
    """Compare two photographs of one place: cracks that are new, longer or wider, and from which difference on.

    Exit code 2: the two do not show one place, or something is to fix first.
    """
    from pipelines.commands import growth as comparison
    from pipelines.commands import model_choice

    with interrupted_by_signals():
        chosen = model_choice.choose(Path.cwd(), model)
        say(f"model: {chosen.name}; {chosen.point().words()}")
        outcome = comparison.growth(
            chosen, before, after, out, mm_per_px=mm_per_px, max_memory=max_memory, runtime=runtime, force=force
        )
    say(f"registered: {outcome.registration.words()}")
    if chosen.terms():
        say(f"terms: {chosen.terms()}", err=True)
    say(f"{outcome.words()}; see {out / comparison.PICTURE} and {out / comparison.TABLE}")
