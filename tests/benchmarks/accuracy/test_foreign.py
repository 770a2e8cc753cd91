import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import foreign, real
from benchmarks.accuracy.real import ROOT
from crackflow.imaging.images import write_png
from pipelines.commands.profile import load


def result(place, pooled, mean, alarms, images=10):
    own = {"images": images, "pooled_iou": pooled, "positives_iou": mean, "false_alarms": None}
    return {"steps": 600, "by_source": {place: own}, "all": {"false_alarms": alarms}}


def test_the_recipes_stand_beside_each_other_and_the_last_row_is_their_mean_by_hand():
    """Pooled (0.1 + 0.3) / 2 and (0.4 + 0.5) / 2; alarms of the one place that has crack-free pairs."""
    values = {
        "places": {
            "DNIT": {
                "left_out": ["DNIT", "DNITnegative"],
                "v1": result("DNIT", 0.1, 0.2, 0.5),
                "v2": result("DNIT", 0.4, 0.3, 0.25),
            },
            "Ceramic": {
                "left_out": ["Ceramic"],
                "v1": result("Ceramic", 0.3, 0.1, None, 90),
                "v2": result("Ceramic", 0.5, 0.2, None, 90),
            },
            # a training is still to come
            "CFD": {"left_out": ["CFD"], "v1": result("CFD", 0.9, 0.9, None)},
        }
    }
    head, _, *rows = foreign.foreign(values).splitlines()[:5]
    assert head == (
        "| left out | images | v1, pooled IoU | v2, pooled IoU | v1, mean IoU, cracks | v2, mean IoU, cracks "
        "| v1, alarms | v2, alarms |"
    )
    assert rows == [
        "| DNIT (with it DNITnegative) | 10 | 0.100 | 0.400 | 0.200 | 0.300 | 0.500 | 0.250 |",
        "| Ceramic | 90 | 0.300 | 0.500 | 0.100 | 0.200 | - | - |",
        "| mean of 2 | 100 | 0.200 | 0.450 | 0.150 | 0.250 | 0.500 | 0.250 |",
    ]
    assert "of 600 steps" in foreign.foreign(values)


def test_a_budget_and_the_recipes():
    v1, v2 = (
        load(ROOT / "profiles", "photos", (*foreign.budget(600), *settings)) for settings in foreign.RECIPES.values()
    )
    assert v1.train.epochs * v1.train.steps_per_epoch == v2.train.epochs * v2.train.steps_per_epoch == 600
    assert v1.model.architecture == "flexunet"
    assert (v1.model.widths, v1.model.head, v1.model.decoder_convs) == ((16, 32, 80, 160, 224, 256), "packed", 1)
    assert {name for name, value in v1.train.augment.model_dump().items() if value} == {"flips", "rot90"}
    assert v2.model.architecture == "pretrained_unet"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A real run of twelve photographs of each of four sources, after resize and split."""
    random = np.random.default_rng(0)
    rows = [
        {"stem": f"{source}_p{number:02d}-1", "phash": random.bytes(32).hex(), "crack_share": "0.1"}
        for source in ("Ceramic", "DNIT", "DNITnegative", "CRACK500whole")
        for number in range(12)
    ]
    (tmp_path / "tree/data").mkdir(parents=True)
    table = pd.DataFrame(rows).assign(given="", rejected="")
    table.assign(photograph=table["stem"], photograph_sha256=table["phash"], set="").to_csv(
        tmp_path / "tree/data/resized.csv", index=False
    )
    (tmp_path / "tree/data/split.csv").write_text("stem,source,subset\n")
    for row in rows:
        flat = np.full((32, 32, 3), random.integers(256), np.uint8)
        write_png(tmp_path / "tree/data/resized/images" / f"{row['stem']}.png", flat)
    monkeypatch.setattr(real, "TREE", tmp_path / "tree")
    monkeypatch.setattr(foreign, "SPLITS", tmp_path / "splits")
    monkeypatch.setattr(foreign, "RESULTS", tmp_path / "foreign.json")
    return tmp_path


def test_a_place_and_the_one_that_helps_to_choose_are_in_no_training(tree, monkeypatch):
    ran = []

    def carry_out(name, trial):
        ran.append((name, trial))
        return result("Ceramic", 0.1, 0.1, None)

    monkeypatch.setattr(foreign.trials, "carry_out", carry_out)
    foreign.measure(foreign.budget(2), ["Ceramic"])
    assert [name for name, _ in ran] == ["v1 without Ceramic", "v2 without Ceramic"]
    for _, trial in ran:
        assert {stem.split("_")[0] for stem in trial.scored} == {"Ceramic"}
        assert len(trial.scored) == 12
        assert {stem.split("_")[0] for stem in (*trial.train, *trial.valid)} == {"CRACK500whole"}
    (_, v1), (_, v2) = ran
    assert v1.foreign == ()
    assert {stem.split("_")[0] for stem in v2.foreign} == {"DNIT", "DNITnegative"}
    assert (v1.train, v1.valid, v1.scored) == (v2.train, v2.valid, v2.scored)
    assert list(json.loads((tree / "foreign.json").read_text())["places"]["Ceramic"])[2:] == ["v1", "v2"]


def test_what_is_known_is_written_after_each_training(tree, monkeypatch):
    def killed(name, trial):
        if name.startswith("v2"):
            raise KeyboardInterrupt
        return result("Ceramic", 0.1, 0.1, None)

    monkeypatch.setattr(foreign.trials, "carry_out", killed)
    with pytest.raises(KeyboardInterrupt):
        foreign.measure(foreign.budget(2), ["Ceramic"])
    assert "v1" in json.loads((tree / "foreign.json").read_text())["places"]["Ceramic"]


def test_each_place_helps_another_to_choose():
    assert sorted(map(foreign.after, foreign.PLACES)) == sorted(foreign.PLACES)
    assert all(foreign.after(place) != place for place in foreign.PLACES)


def test_the_page_has_what_was_measured():
    page = foreign.PAGE.read_text(encoding="utf-8")
    assert foreign.page(page) == page
