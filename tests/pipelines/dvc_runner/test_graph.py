"""pipelines/dvc_runner/graph.py, on a real DVC repository."""

import pytest

from crackflow.errors import CrackflowError
from pipelines.dvc_runner.graph import GraphError, Stage, read_graph


def names(stages):
    return [stage.name for stage in stages]


def test_a_stage_comes_after_what_it_builds_on(project):
    # dvc.yaml names report before split and statistics
    stages = read_graph(project.root)
    assert names(stages) == ["download", "split", "statistics", "report"]
    assert [stage.upstream for stage in stages] == [(), ("download",), ("download",), ("split", "statistics")]


def test_before_the_first_run_everything_is_to_do(project):
    stages = read_graph(project.root)
    assert not any(stage.settled for stage in stages)
    assert stages[0].changes == ("download.txt deleted",)


def test_after_a_run_everything_is_settled(built):
    assert read_graph(built.root)[3] == Stage("report", ("split", "statistics"), (), settled=True)


def test_a_changed_param_unsettles_its_stage_and_those_after_it(built):
    built.set_seed(5)
    stages = {stage.name: stage for stage in read_graph(built.root)}
    assert stages["split"].changes == ("split.seed modified",)
    assert {name for name, stage in stages.items() if not stage.settled} == {"split", "report"}
    assert stages["report"].changes == ()


def test_a_changed_command_is_a_change(built):
    path = built.root / "dvc.yaml"
    path.write_text(path.read_text().replace("stage.py statistics download", "stage.py statistics download  "))
    path.write_text(path.read_text().replace("python stage.py statistics", "python  stage.py statistics"))
    stages = {stage.name: stage for stage in read_graph(built.root)}
    assert stages["statistics"].changes == ("changed command",)


def test_a_target_takes_what_it_builds_on_along(project):
    assert names(read_graph(project.root, ["split"])) == ["download", "split"]
    assert names(read_graph(project.root, ["split", "statistics"])) == ["download", "split", "statistics"]
    assert names(read_graph(project.root, [])) == names(read_graph(project.root))


def test_a_misspelt_target_names_the_nearest(project):
    with pytest.raises(GraphError, match=r"no stage splot in dvc.yaml; did you mean split\?"):
        read_graph(project.root, ["splot"])


def test_an_unknown_target_lists_the_stages(project):
    with pytest.raises(GraphError, match="expected one of download, report, split, statistics"):
        read_graph(project.root, ["xyz"])


def test_no_repository_is_said_in_one_line(tmp_path):
    with pytest.raises(CrackflowError, match="not inside of a DVC repository") as caught:
        read_graph(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["stages: [", "stages:\n  a:\n    cmdd: x\n", "stages:\n  a: {cmd: x, outs: [o]}\n  b: {cmd: x, outs: [o]}\n"],
)
def test_a_dvc_yaml_that_dvc_refuses_is_said_in_one_line(project, text):
    (project.root / "dvc.yaml").write_text(text)
    with pytest.raises(GraphError, match="DVC can't use") as caught:
        read_graph(project.root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("count", "summary"), [(0, ""), (1, "0"), (4, "0, 1, 2, 3"), (6, "0, 1, 2, 3 and 2 more")])
def test_the_summary_names_a_few_changes(count, summary):
    assert Stage("split", (), tuple(str(number) for number in range(count)), settled=False).summary() == summary


def test_a_shorter_summary_names_fewer():
    assert Stage("split", (), ("a", "b", "c"), settled=False).summary(2) == "a, b and 1 more"
