"""dvc.yaml against the code: a stage depends on what it imports and is keyed by what it reads, no more and no less."""

import ast
import functools
import json
import re
from pathlib import Path

import pytest
import yaml

from crackflow.params import Params, dump
from crackflow.reporting.definitions import COLUMNS
from tasks import resize
from tasks.__main__ import STAGES
from tasks.code_closure import closure
from tasks.workspace import Workspace

ROOT = Path(__file__).parents[2]
DVC_YAML = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
GRAPH, PLOTS = DVC_YAML["stages"], DVC_YAML["plots"]


def code_deps(stage):
    return {dep for dep in GRAPH[stage]["deps"] if dep.startswith(("crackflow/", "tasks/"))}


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_the_modules_that_the_stage_imports(stage):
    expected = set(closure(f"tasks.{stage}"))
    found = {dep for dep in code_deps(stage) if dep.endswith(".py")}
    assert found == expected, f"run `make graph`; to add {sorted(expected - found)}, to drop {sorted(found - expected)}"


def test_the_report_depends_on_every_template():
    folder = ROOT / "crackflow/reporting/templates"
    expected = {path.relative_to(ROOT).as_posix() for path in folder.rglob("*") if path.is_file()}
    # the page of `crackflow score`, which no stage writes
    expected.remove("crackflow/reporting/templates/score.html.j2")
    assert {dep for dep in code_deps("report") if not dep.endswith(".py")} == expected


def params_read(stage):
    """Dotted keys that tasks/STAGE.py reads from `params`, the longest chain of each."""
    tree = ast.parse((ROOT / "tasks" / f"{stage}.py").read_text(encoding="utf-8"))
    found, inner = set(), set()
    for node in ast.walk(tree):
        keys, base = [], node
        while isinstance(base, ast.Attribute):
            keys.insert(0, base.attr)
            inner.add(id(base.value))
            base = base.value
        if keys and isinstance(base, ast.Name) and base.id == "params" and id(node) not in inner:
            found.add(".".join(key for key in keys if key not in {"model_dump", "values", "items", "keys"}))
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_those_that_the_stage_reads(stage):
    # who works changes no output, and differs from machine to machine
    declared, read = set(GRAPH[stage]["params"]), params_read(stage) - {"compute"}
    assert {key for key in read if not any(f"{key}.".startswith(f"{one}.") for one in declared)} == set()
    # a block that is read whole may name a key inside it apart, for the run cache (see below)
    read |= {found for key in read for found in overlooked(values_of(key), key)}
    assert {one for one in declared if not any(f"{key}.".startswith(f"{one}.") for key in read)} == set()


def values_of(key):
    return functools.reduce(dict.__getitem__, key.split("."), dump(Params()))


def overlooked(block, key):
    """Dotted keys inside a block that DVC leaves out of its run cache's key, taking them for a file's size."""
    if not isinstance(block, dict):
        return set()
    return {f"{key}.{name}" for name in ("size", "nfiles") if name in block} | {
        found for name, inner in block.items() for found in overlooked(inner, f"{key}.{name}")
    }


@pytest.mark.parametrize("stage", STAGES)
def test_no_parameter_is_overlooked_by_the_run_cache(stage):
    """`dvc repro` would restore pictures of 512 px when `size: 256` is asked for inside a block that is named whole."""
    declared = set(GRAPH[stage]["params"])
    for one in declared:
        assert overlooked(values_of(one), one) <= declared


def test_stages_are_those_of_the_runner_in_the_order_of_the_graph():
    assert tuple(GRAPH) == STAGES


def test_every_stage_can_be_restored_from_the_run_cache():
    """DVC keeps a stage out of it where an out that is no metric has `cache: false`, or where all outs have."""
    for name, stage in GRAPH.items():
        assert all(isinstance(out, str) for out in stage["outs"]), name


def test_places_of_the_workspace_are_those_of_the_graph():
    written = [out for stage in GRAPH.values() for key in ("outs", "metrics") for out in stage.get(key, [])]
    outs = {out if isinstance(out, str) else next(iter(out)) for out in written}
    workspace = Workspace(ROOT)
    for place in ("raw", "raw_json", "resized", "resized_csv", "split_csv", "model", "operating_point", "predictions"):
        assert getattr(workspace, place).relative_to(ROOT).as_posix() in outs, place
    for place in (workspace.metrics_json, workspace.train_metrics, workspace.trained_on):
        assert place.relative_to(ROOT).as_posix() in outs


def test_the_library_knows_neither_dvc_nor_prefect():
    for path in [*(ROOT / "crackflow").rglob("*.py"), *(ROOT / "tasks").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", None)]
            assert not {str(name).split(".")[0] for name in names} & {"dvc", "prefect", "argparse", "typer"}, path


@pytest.mark.parametrize("stage", STAGES)
def test_the_page_of_stages_names_every_output(stage):
    lines = (ROOT / "docs/reference/stages.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if line.startswith(f"| {stage} |")]
    written = [out for key in ("outs", "metrics") for out in GRAPH[stage].get(key, [])]
    for out in (Path(out if isinstance(out, str) else next(iter(out))) for out in written):
        # train_losses.csv/.png names both
        assert out.name in row or (out.suffix == ".png" and f"{out.stem}.csv/.png" in row), f"{stage}: {out}"


def test_the_page_of_stages_names_the_columns_of_resized_csv():
    lines = (ROOT / "docs/reference/stages.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if line.startswith("| data/resized.csv | pair |")]
    words = re.sub(r" \([^)]*\)", "", row.split(" | ")[2]).partition(".")[0]
    assert words.split(", ") == resize.COLUMNS


def test_tests_mirror_the_source():
    """tests/PACKAGE/test_MODULE.py stands for PACKAGE/MODULE.py; what crosses modules is named here."""
    across = {
        "test_attacks.py",
        "test_backends.py",
        "test_commands.py",
        "test_deployment.py",
        "test_dockerfiles.py",
        "test_end_to_end.py",
        "test_engines.py",
        "test_extend.py",
        "test_figures_reference.py",
        "test_graph.py",
        "test_home.py",
        "test_main.py",
        "test_page.py",
        "test_pages.py",
        "test_paths.py",
        "test_pools.py",
        "test_remotes.py",
        "test_results_reference.py",
        "test_scheduled.py",
        "test_surroundings.py",
        "test_survival.py",
        "test_three_classes.py",
        "test_workflows.py",
    }
    for path in (ROOT / "tests").rglob("test_*.py"):
        mirrored = ROOT / path.relative_to(ROOT / "tests").with_name(path.name.removeprefix("test_"))
        # the parameters are a folder whose modules are used as one
        assert mirrored.is_file() or (mirrored.with_suffix("") / "__init__.py").is_file() or path.name in across, path


def test_dvc_draws_columns_that_the_tables_have_by_templates_that_there_are():
    """Those of training are the default's: a loss, and a metric of Keras."""
    drawn = [one for plot in PLOTS if isinstance(plot, dict) for one in plot.values()]
    assert len(drawn) == 5
    for plot in drawn:
        [(file, columns)] = plot["y"].items()
        name = Path(file).name
        asked = {plot["x"], *([columns] if isinstance(columns, str) else columns)}
        if name.startswith("train_"):
            assert asked - {"epoch"} in ({"loss", "val_loss"}, {"crack_iou", "val_crack_iou"})
        else:
            assert asked <= {one for names in COLUMNS[name] for one in names.split(", ")}
        if "template" in plot:
            assert json.loads((ROOT / ".dvc/plots" / f"{plot['template']}.json").read_text(encoding="utf-8"))
