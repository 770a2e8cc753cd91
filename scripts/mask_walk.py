"""The ways of a mask and of a photograph through the code, as lists of functions.

That of a mask leads from the folder it lies in to reports/evaluation.csv, that of a photograph to the files of
`crackflow predict`.
"""

import ast
from collections.abc import Sequence
from pathlib import Path

from tasks.code_closure import file_of

# (how deep, module, function or Class.method). A function is called by the nearest one above that is one less deep.
WALK = (
    (0, "tasks.download", "run"),
    (1, "crackflow.sources.collecting", "collect_pairs"),
    (2, "crackflow.sources.folder", "find_pairs"),
    (1, "tasks.download", "_publish"),
    (0, "tasks.resize", "run"),
    (1, "crackflow.parallel.engine", "fan_out"),
    (1, "tasks.resize", "_Work"),
    (2, "tasks.resize", "_finish"),
    (3, "crackflow.imaging.masks", "read_pair"),
    (4, "crackflow.imaging.masks", "read_mask"),
    (3, "crackflow.imaging.resize", "resize_mask"),
    (3, "crackflow.imaging.images", "encode_classes"),
    (3, "crackflow.imaging.images", "write_png"),
    (0, "tasks.split", "run"),
    (1, "crackflow.splitting.near_duplicates", "near_duplicates"),
    (1, "crackflow.splitting.protocols", "split_pairs"),
    (0, "tasks.train", "run"),
    (1, "crackflow.training.loop", "train"),
    (2, "crackflow.training.dataset", "TrainingCrops"),
    (3, "crackflow.training.augmentation", "crop_box"),
    (3, "crackflow.training.augmentation", "geometry"),
    (3, "crackflow.training.dataset", "one_hot"),
    (0, "tasks.evaluate", "run"),
    (1, "crackflow.evaluation.scoring", "search_operating_points"),
    (2, "crackflow.inference.pair_predictions", "each_prediction"),
    (3, "crackflow.inference.pair_predictions", "_Work"),
    (4, "crackflow.imaging.pairs", "ResizedPairs.pair"),
    (5, "crackflow.imaging.pairs", "ResizedPairs.mask"),
    (6, "crackflow.imaging.images", "read_stored_mask"),
    (2, "crackflow.evaluation.scoring", "_looks"),
    (3, "crackflow.evaluation.operating_point_search", "look"),
    (2, "crackflow.evaluation.operating_point_search", "OperatingPointSearch.add"),
    (2, "crackflow.evaluation.operating_point_search", "OperatingPointSearch.choose"),
    (1, "crackflow.evaluation.scoring", "score_pairs"),
    (2, "crackflow.inference.pair_predictions", "each_prediction"),
    (2, "crackflow.evaluation.scoring", "_Score"),
    (3, "crackflow.inference.operating_point", "classify"),
    (3, "crackflow.evaluation.image_scores", "score_image"),
    (4, "crackflow.evaluation.metrics", "counts"),
    (4, "crackflow.evaluation.metrics", "tolerant_f1"),
    (2, "crackflow.evaluation.figures", "figures"),
    (1, "tasks.evaluate", "publish"),
    (2, "crackflow.evaluation.tables", "figure_table"),
    (2, "tasks.outputs", "write_csv"),
)
PHOTOGRAPH_WALK = (
    (0, "pipelines.commands.predict", "predict"),
    (1, "crackflow.output.claim", "claim"),
    (1, "pipelines.commands.prediction_folder", "Results.done_before"),
    (1, "pipelines.commands.marking", "mark_all"),
    (2, "crackflow.parallel.engine", "fan_out"),
    (2, "pipelines.commands.marking", "Job.marker"),
    (3, "pipelines.commands.marking", "Marker"),
    (4, "crackflow.imaging.photo_file", "read_photograph"),
    (4, "crackflow.inference.photographs", "predict_photo"),
    (2, "pipelines.commands.prediction_folder", "Making.files"),
    (3, "pipelines.commands.prediction_folder", "measured"),
    (4, "crackflow.geometry.cracks", "measure"),
    (4, "crackflow.results.record", "record"),
    (3, "pipelines.commands.prediction_outputs", "Output.add"),
    (1, "pipelines.commands.prediction_folder", "Results.add"),
    (1, "pipelines.commands.prediction_folder", "Results.finish"),
    (2, "pipelines.commands.prediction_outputs", "Output.finish"),
)

Step = tuple[int, str, str]


def check(walk: Sequence[Step] = WALK) -> None:
    """Hold the walk against the code.

    Raises:
        ValueError: when a function does not exist, or its caller does not name it.
    """
    above: list[Step] = []
    for step in walk:
        depth, module, name = step
        _find(module, name)
        above = above[:depth]
        if depth:
            _, caller_module, caller = above[-1]
            named = {
                node.id if isinstance(node, ast.Name) else node.attr
                for node in ast.walk(_find(caller_module, caller))
                if isinstance(node, ast.Name | ast.Attribute)
            }
            if name.rpartition(".")[2] not in named:
                raise ValueError(f"{caller_module}.{caller} does not call {name}; correct WALK in scripts/mask_walk.py")
        above.append(step)


def written(walk: Sequence[Step] = WALK) -> str:
    """Give the walk as a list in Markdown: the name of each function, and the first line of its docstring.

    Raises:
        ValueError: as `check` does.
    """
    check(walk)
    lines = []
    for depth, module, name in walk:
        said = (ast.get_docstring(_find(module, name)) or "").partition("\n")[0]
        lines.append(f"{'  ' * depth}- `{module}.{name}`{': ' if said else ''}{said}\n")
    return "".join(lines)


def _find(module: str, name: str) -> ast.FunctionDef | ast.ClassDef:
    path = file_of(module)
    tree = ast.parse(Path(path).read_text(encoding="utf-8")) if path else ast.Module([], [])
    found: ast.AST = tree
    for part in name.split("."):
        inner = [node for node in getattr(found, "body", []) if getattr(node, "name", "") == part]
        found = inner[0] if inner else ast.Module([], [])
    if isinstance(found, ast.FunctionDef | ast.ClassDef):
        return found
    raise ValueError(f"there is no {module}.{name}; correct WALK in scripts/mask_walk.py")
