import json

import pandas as pd
import pytest

from benchmarks.accuracy import architectures, real, trials
from crackflow.models import registry


def figures(pooled, mean, alarms=None):
    return {"pooled_iou": pooled, "positives_iou": mean, "false_alarms": alarms}


MEASURED = {
    "parameters": 260_657,
    "megabytes": 1.25,
    "steps": 1200,
    "step_s": 1.0,
    "picture_s": 0.5,
    "all": figures(0.5, 0.4, 0.25),
    "unseen": figures(0.3, 0.2),
}


def test_a_row_has_both_columns_and_one_that_is_not_trained_yet_none():
    values = {"minutes": 20, "machine": {"cores": 2}, "networks": {"a": MEASURED, "b": {"step_s": 1.0}}}
    head, _, row, *words = architectures.networks(values).splitlines()
    assert head.startswith("| network | parameters | MB | steps | seconds a picture | test, pooled IoU | test, mean ")
    assert row == "| a | 0.26 M | 1.2 | 1,200 | 0.500 | 0.500 | 0.400 | 0.300 | 0.200 | 25% |"
    assert "| b |" not in "\n".join(words)


def test_a_budget_of_minutes_is_fewer_steps_of_a_slower_network():
    """20 minutes are 1,200 steps of 1 s, in two epochs."""
    params = architectures.recipe(*architectures.budget(20, 1.0))
    assert (params.train.epochs, params.train.steps_per_epoch, params.train.warmup_steps) == (2, 600, 120)
    assert architectures.recipe(*architectures.budget(20, 4.0)).train.steps_per_epoch == 150


@pytest.mark.parametrize("name", architectures.NETWORKS)
def test_every_network_is_one_that_can_be_built(name):
    params = architectures.recipe(*architectures.NETWORKS[name])
    assert params.model.architecture in registry.ARCHITECTURES
    assert params.train.crop % params.model.stride == 0


def test_the_network_of_the_original_is_that_of_its_profile():
    from pipelines.commands.profile import load

    params = architectures.recipe(*architectures.NETWORKS["FlexUNet of the original"])
    assert params.model == load(real.ROOT / "profiles", "original", ()).model


def test_a_second_run_trains_as_many_steps_as_the_first_meant_to(tmp_path, monkeypatch):
    ran = []

    def carry_out(name, trial):
        ran.append((name, trial))
        if len(ran) == 1:
            raise KeyboardInterrupt
        return MEASURED

    table = pd.DataFrame({"stem": list("abcd"), "subset": ["train", "valid", "test", "foreign_test"]})
    monkeypatch.setattr(architectures, "RESULTS", tmp_path / "architectures.json")
    monkeypatch.setattr(trials, "rows", lambda: table)
    monkeypatch.setattr(trials, "carry_out", carry_out)
    times = iter((1.0, 2.0))
    monkeypatch.setattr(architectures, "timed", lambda params: {"step_s": next(times), "picture_s": 0.1})
    name = "EGA-UNet, 2025"
    with pytest.raises(KeyboardInterrupt):
        architectures.measure(20, [name])
    architectures.measure(20, [name])
    assert ran[0] == ran[1]
    assert (ran[0][1].scored, ran[0][1].unseen) == (("c",), ("d",))
    assert json.loads((tmp_path / "architectures.json").read_text())["networks"][name]["unseen"] == figures(0.3, 0.2)
