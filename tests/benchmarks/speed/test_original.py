import json

import pytest

from benchmarks.speed import original

FOUND = {
    "machine": {"cores": 2},
    "rounds": 5,
    "import_peak_mib": 1777,
    "nets": {
        "original": {"parameters": 124_996_866, "seconds": 1.2, "peak_mib": 800, "held_mib": 600},
        "packaged": {"parameters": 3_000_000, "seconds": 0.1, "peak_mib": 250, "held_mib": 120},
        "flips": {"parameters": 3_000_000, "seconds": 0.4, "peak_mib": 250, "held_mib": 120},
        "eager": {"parameters": 3_000_000, "seconds": 0.3, "peak_mib": 400, "held_mib": 300},
    },
    "predict": {"imports_s": 6.0, "photo_s": 5.5},
}


@pytest.fixture
def found():
    nets = FOUND["nets"]
    shares = {name: original.ratios(net, nets["original"]) for name, net in nets.items() if name != "original"}
    return {**FOUND, "ratios": shares}


def test_the_page_holds_the_figures_of_the_results_file():
    text = original.PAGE.read_text(encoding="utf-8")
    assert original.page(text, json.loads(original.RESULTS.read_text(encoding="utf-8"))) == text


def test_shares_are_of_the_original(found):
    """0.1 / 1.2, 250 / 800, 120 / 600."""
    assert found["ratios"]["packaged"] == {"seconds": 0.0833, "peak_mib": 0.3125, "held_mib": 0.2}


def test_the_table_says_which_goals_are_met_and_which_are_missed(found):
    lines = original.nets_table(found).splitlines()
    assert lines[2] == "| the original's network | 124,996,866 | 1.200 |  | 800 |  | 600 |  |"
    assert lines[3] == "| the packaged weights | 3,000,000 | 0.100 | 1/12.0 | 250 | 1/3.2 | 120 | 1/5.0 |"
    assert lines[-1].endswith("Goals, time at most 1/10: met, memory at most 1/4: missed.")
    assert "5.5 s for one photograph of 512x512, loading the model included (goal, at most 5 s: missed)" in (
        original.predict_words(found)
    )
