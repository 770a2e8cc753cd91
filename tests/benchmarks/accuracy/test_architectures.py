import json

import pandas as pd
import pytest

from benchmarks.accuracy import architectures, foreign, real, trials
from crackflow.models import registry


def figures(pooled, mean, alarms=None):
    return {
        "pooled_iou": pooled,
        "positives_iou": mean,
        "false_alarms": alarms,
        "interval": [pooled - 0.1, pooled + 0.1],
    }


MEASURED = {
    "parameters": 260_657,
    "megabytes": 1.25,
    "steps": 1200,
    "step_s": 1.0,
    "picture_s": 0.5,
    "home": figures(0.5, 0.4, 0.25),
    "places": {
        "a": figures(0.3, 0.2) | {"best_threshold": 0.4},
        "b": figures(0.1, 0.3) | {"best_threshold": 0.6},
    },
}


def test_a_row_has_both_columns_and_one_that_is_not_trained_yet_none():
    values = {"minutes": 20, "machine": {"cores": 2}, "networks": {"a": MEASURED, "b": {"step_s": 1.0}}}
    head, _, row, *words = architectures.networks(values).splitlines()
    assert head.startswith("| network | parameters | MB | steps | seconds a picture | home, pooled IoU | home, mean ")
    assert row == ("| a | 0.26 M | 1.2 | 1,200 | 0.500 | 0.500 (0.40 to 0.60) | 0.400 | 0.200 | 0.500 | 0.250 | 25% |")
    assert "| b |" not in "\n".join(words)


@pytest.mark.parametrize("name", architectures.NETWORKS)
def test_every_network_is_one_that_can_be_built(name):
    params = architectures.recipe(*architectures.NETWORKS[name])
    assert params.model.architecture in registry.ARCHITECTURES
    assert params.train.crop % params.model.stride == 0


def test_the_network_of_the_original_is_that_of_its_profile():
    from pipelines.commands.profile import load

    params = architectures.recipe(*architectures.NETWORKS["FlexUNet of the original"])
    assert params.model == load(real.ROOT / "profiles", "original", ()).model


@pytest.fixture
def table(tmp_path, monkeypatch):
    rows = [
        (f"{source}_{number:02d}", source, subset)
        for source in ("CRACK500", *foreign.FOLDS[0])
        for number, subset in enumerate(["train"] * 6 + ["valid"] * 12)
    ]
    table = pd.DataFrame(rows, columns=["stem", "source", "subset"]).assign(group=lambda known: known["stem"])
    monkeypatch.setattr(architectures, "RESULTS", tmp_path / "architectures.json")
    monkeypatch.setattr(trials, "rows", lambda: table)
    return table


def test_a_large_network_takes_fewer_steps_in_the_same_minutes_and_all_see_the_same_pairs(table):
    """20 minutes are 1,200 steps of 1 s, or 300 of 4 s."""
    first, second = (architectures.trial(table, 20, "EGA-UNet, 2025", step_s) for step_s in (1.0, 4.0))
    assert [architectures.recipe(*one.settings).train.steps_per_epoch for one in (first, second)] == [1200, 300]
    assert (first.train, first.valid, first.unseen) == (second.train, second.valid, second.unseen)
    assert first.valid == first.scored == ("CRACK500_06", "CRACK500_12")
    assert len(first.train) == 6
    assert len(first.unseen) == 4 * 18 / 4
    assert {stem.rsplit("_", 1)[0] for stem in first.unseen} == set(foreign.FOLDS[0])


def test_a_second_run_trains_as_many_steps_as_the_first_meant_to(table, monkeypatch):
    ran = []

    def carry_out(name, trial):
        ran.append((name, trial))
        if len(ran) == 1:
            raise KeyboardInterrupt
        return {"steps": 1200}

    monkeypatch.setattr(trials, "carry_out", carry_out)
    monkeypatch.setattr(trials, "levels_by_stem", lambda trial: {})
    monkeypatch.setattr(foreign, "measured", lambda *_: {"places": {}})
    times = iter((1.0, 2.0))
    monkeypatch.setattr(architectures, "timed", lambda params: {"step_s": next(times), "picture_s": 0.1})
    name = "EGA-UNet, 2025"
    with pytest.raises(KeyboardInterrupt):
        architectures.measure(20, [name])
    architectures.measure(20, [name])
    assert ran[0] == ran[1]
    known = json.loads(architectures.RESULTS.read_text())["networks"]
    assert known[name] == {
        "settings": list(architectures.NETWORKS[name]),
        "step_s": 1.0,
        "picture_s": 0.1,
        "steps": 1200,
        "places": {},
    }


def test_two_runs_side_by_side_keep_each_others_results_in_the_order_of_the_networks(table):
    first, *_, last = architectures.NETWORKS
    architectures.keep(5, last, {"step_s": 2.0})
    architectures.keep(5, first, {"step_s": 1.0})
    assert list(architectures.kept(5)["networks"]) == [first, last]
    assert architectures.kept(6)["networks"] == {}
