import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.accuracy import foreign, real, trials
from benchmarks.accuracy.real import ROOT
from crackflow.evaluation.thresholds import levels
from pipelines.commands.profile import load

PLACES = [place for fold in foreign.FOLDS for place in fold]


def image(crack, background):
    """Levels of an image of four pixels, two of them crack, with these probabilities."""
    probabilities = np.array([[crack, crack, background, background]], np.float32)
    return levels(np.stack([1 - probabilities, probabilities], -1), np.array([[1, 1, 0, 0]], np.uint8))


@pytest.fixture
def table():
    """Six pairs of each place and of another one; the first pair of the other looks like one of the first fold."""
    rows = [
        {
            "stem": f"{source}_{number}",
            "source": source,
            "group": f"{source}_{number}",
            "subset": ("train", "train", "train", "valid", "valid", "test")[number],
        }
        for source in ["CRACK500", *(source for place in PLACES for source in foreign.family(place))]
        for number in range(6)
    ]
    rows[0]["group"] = next(row["group"] for row in rows if row["source"] == "AigleRN")
    return pd.DataFrame(rows)


def test_a_place_its_family_and_what_looks_like_it_are_in_no_training(table):
    one = foreign.trial(table, foreign.budget(2), "v2", 0)
    left_out = {"UAVCrackX", "AigleRN", "DNIT", "DNITnegative", "CFD", "forest", "Sylvie_Chambon"}
    assert {stem.rsplit("_", 1)[0] for stem in one.unseen} == left_out
    assert len(one.unseen) == 6 * len(left_out)
    kept = {"CRACK500", *foreign.FOLDS[1]}
    assert {stem.rsplit("_", 1)[0] for stem in one.train} == kept
    assert "CRACK500_0" not in one.train
    assert "CRACK500_1" in one.train
    home = [f"{source}_{number}" for source in ("CRACK500", *foreign.FOLDS[1]) for number in (3, 4)]
    assert list(one.valid) == list(one.scored) == home[::3]
    assert not one.foreign


def test_a_place_at_three_thresholds(table):
    """At home the crack has 1 and the background .75; in other places .5 and .25; in the place itself .25 and 0.

    The best threshold at home is .75 or more, which loses every crack elsewhere. The mean of home and the other places
    is best from .25 to .5: 1/2 at home and 1 elsewhere. The place itself is best below .25.
    """
    one = foreign.trial(table, foreign.budget(2), "v2", 1)
    known = dict.fromkeys(one.valid, image(1.0, 0.75))
    known |= dict.fromkeys(one.unseen, image(0.5, 0.25))
    known |= {stem: image(0.25, 0.0) for stem in one.unseen if stem.startswith("Ceramic")}
    found = foreign.measured(known, one, table, foreign.FOLDS[1])
    assert 0.75 <= found["home"]["threshold"] < 1
    assert found["home"]["pooled_iou"] == 1
    own, other = found["places"]["Ceramic"], found["places"]["ShadowCrack"]
    assert (own["pooled_iou"], own["others_threshold"], own["best_threshold"]) == (0, 0, 1)
    assert (other["pooled_iou"], other["others_threshold"], other["best_threshold"]) == (0, 1, 1)
    assert own["images"] == 6


def test_the_interval_is_over_groups_of_photographs():
    """All groups alike: no interval. Two of four groups with a crack in half: one around the figure."""
    stems = [f"kerb_{number}" for number in range(8)]
    groups = pd.Series([f"g{number // 2}" for number in range(8)], index=stems)
    alike = dict.fromkeys(stems, image(1.0, 0.0))
    assert np.isnan(foreign.interval(alike, groups, 0.5)).all()
    half = alike | {stem: image(1.0, 0.75) for stem in stems[4:]}
    low, high = foreign.interval(half, groups, 0.5)
    assert low < trials.figures(half, stems, 0.5)["pooled_iou"] < high


def place_of(pooled, best=0.5):
    return {
        "images": 10,
        "pooled_iou": pooled,
        "positives_iou": pooled / 2,
        "interval": [pooled - 0.1, pooled + 0.1],
        "alarms": None,
        "others_threshold": pooled / 4,
        "best_threshold": best,
    }


@pytest.fixture
def values():
    """v2 reaches .4 everywhere; v1 .1 in four places and .3 in the other four."""
    home = [{"pooled_iou": 0.5, "false_alarms": 0.2}, {"pooled_iou": 0.7, "false_alarms": 0.4}]
    return {
        "budget": list(foreign.budget(600)),
        "folds": [{place: list(foreign.family(place)) for place in fold} for fold in foreign.FOLDS],
        "recipes": {
            "v1": {"home": home, "places": {name: place_of((0.1, 0.3)[k >= 4]) for k, name in enumerate(PLACES)}},
            "v2": {"home": home, "places": {name: place_of(0.4) for name in PLACES}},
        },
    }


def test_the_recipes_stand_beside_each_other(values):
    head, _, first, *rest = foreign.by_place(values).splitlines()
    assert head.startswith("| left out | images | v1, pooled IoU | v2, pooled IoU | v1, mean IoU, cracks |")
    assert first == (
        "| UAVCrackX | 10 | 0.100 (0.00 to 0.20) | 0.400 (0.30 to 0.50) | 0.050 | 0.200 | - | - | 0.100 | 0.500 |"
    )
    assert rest[1].startswith("| DNIT (with it DNITnegative) |")
    assert len(rest) == 7


def test_a_difference_has_the_interval_over_places_by_hand(values):
    """Differences -.3 (four) and -.1 (four): mean -.2, standard deviation .106905, t of 7 degrees 2.364624."""
    reach = 2.364624 * 0.106905 / 8**0.5
    rows = foreign.by_recipe(values).splitlines()
    interval = f"-0.200 ({-0.2 - reach:+.3f} to {-0.2 + reach:+.3f})"
    same = "+0.000 (+0.000 to +0.000)"
    assert f"| v1 | 0.600 | 0.300 | 0.200 | 0.050 | 0.500 | 0.100 | {interval} | {same} |" in rows
    assert "| v2 | 0.600 | 0.300 | 0.400 | 0.100 | 0.500 | 0.400 | - | - |" in rows
    assert "for 600 steps" in rows[-1]


def test_a_budget_and_the_recipes():
    recipes = {
        name: load(ROOT / "profiles", "photos", (*foreign.budget(600), *settings))
        for name, settings in foreign.RECIPES.items()
    }
    assert {(one.train.epochs, one.train.steps_per_epoch) for one in recipes.values()} == {(1, 600)}
    v1, v2 = recipes["v1"], recipes["v2"]
    assert v1.model.architecture == "flexunet"
    assert (v1.model.widths, v1.model.head, v1.model.decoder_convs) == ((16, 32, 80, 160, 224, 256), "packed", 1)
    assert {name for name, value in v1.train.augment.model_dump().items() if value} == {"flips", "rot90"}
    assert v2.model.architecture == "pretrained_unet"


def test_figures_are_of_recipes_whose_trainings_are_all_done(table, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/raw.json").write_text('{"sha256": "0"}')
    monkeypatch.setattr(real, "TREE", tmp_path)
    monkeypatch.setattr(trials, "TRIALS", tmp_path / "trials")
    short = foreign.budget(2)
    assert foreign.gathered(table, short) == {}
    for fold in (0, 1):
        one = foreign.trial(table, short, "v2", fold)
        folder = tmp_path / "trials" / trials.key(one)
        folder.mkdir(parents=True)
        stems = [*one.valid, *one.unseen]
        np.savez(folder / "levels.npz", stems=stems, levels=np.stack([image(0.9, 0.1)] * len(stems)))
        assert foreign.gathered(table, short) == {}
        (folder / "result.json").write_text(json.dumps({}))
    found = foreign.gathered(table, short)
    assert list(found["recipes"]) == ["v2"]
    assert list(found["recipes"]["v2"]["places"]) == PLACES
    assert [one["pooled_iou"] for one in found["recipes"]["v2"]["home"]] == [1, 1]


def test_the_page_has_what_was_measured():
    page = foreign.PAGE.read_text(encoding="utf-8")
    assert foreign.page(page) == page
