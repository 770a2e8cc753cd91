import json

import pytest

from benchmarks.speed import step_time


@pytest.mark.parametrize("name", step_time.VARIANTS)
def test_every_variant_can_be_trained_and_differs_from_the_recipe(name):
    assert (step_time.recipe(step_time.VARIANTS[name]) == step_time.recipe(())) == (name == step_time.BASE)


def test_the_variants_take_turns_and_are_set_against_the_recipe(monkeypatch):
    """Clock by hand: the recipe 2 s a step, the other 3 s: 1.5 times."""
    now, order = [0.0], []

    def stepper(settings):
        def step():
            now[0] += 3.0 if settings else 2.0
            order.append(bool(settings))

        return step

    monkeypatch.setattr(step_time, "VARIANTS", {step_time.BASE: (), "other": ("a=1",)})
    monkeypatch.setattr(step_time, "stepper", stepper)
    monkeypatch.setattr(step_time.time, "perf_counter", lambda: now[0])
    found = step_time.measure(3)
    assert found["variants"]["other"] == {"settings": ["a=1"], "seconds": 3.0, "seconds_least": 3.0, "ratio": 1.5}
    assert order[4:] == [False, True] * 3
    assert step_time.table(found).splitlines()[2:4] == [
        f"| {step_time.BASE} | 2.00 | 1.00 |",
        "| other | 3.00 | 1.50 |",
    ]


def test_the_page_holds_the_committed_figures():
    found = json.loads(step_time.RESULTS.read_text(encoding="utf-8"))
    assert list(found["variants"]) == list(step_time.VARIANTS)
    assert step_time.table(found) in step_time.PAGE.read_text(encoding="utf-8")
