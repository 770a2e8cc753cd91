import pytest

from benchmarks.accuracy import ablation
from benchmarks.accuracy.real import ROOT
from pipelines.commands.profile import load


def run(group, name, seed, iou, alarms=0.5):
    return {
        "group": group,
        "name": name,
        "seed": seed,
        "pooled_iou": iou,
        "positives_iou": iou / 2,
        "false_alarms": alarms,
    }


def test_a_row_is_the_mean_over_the_seeds_by_hand():
    """(0.30 + 0.34) / 2 = 0.32; 0.30 - 0.40 and 0.34 - 0.42; alarms (0.5 + 0.6) / 2; one seed: 0.44 against 0.40."""
    values = {
        "variants": [
            run(*ablation.BASE[:2], 0, 0.40),
            run(*ablation.BASE[:2], 1, 0.42),
            run("loss", "Dice alone", 0, 0.30),
            run("loss", "Dice alone", 1, 0.34, 0.6),
            run("averaging", "none", 0, 0.44),
        ]
    }
    recipe, dice, single = ablation.ablation(values).splitlines()[2:]
    assert recipe == f"| recipe: {ablation.BASE.name} | 0.410 | +0.000 | +0.000, +0.000 | 0.205 | 50% |"
    assert dice == "| loss: Dice alone | 0.320 | -0.090 | -0.100, -0.080 | 0.160 | 55% |"
    assert single == "| averaging: none | 0.440 | +0.040 | +0.040 | 0.220 | 50% |"


def test_a_whole_training_is_a_row_by_its_file():
    """Two files: rounded to three places, alarms to a tenth of a percent."""
    crack = {"pooled": {"iou": 0.61234}, "positives": {"iou": 0.5}, "false_alarms": {"images": 1 / 22}}
    one = {"operating_point": {"value": 0.57, "false_alarms": 0.1}, "figures": {"crack": crack}}
    rows = ablation.whole(dict.fromkeys(ablation.WHOLE.values(), one)).splitlines()[2:]
    assert len(rows) == len(ablation.WHOLE) == 2
    assert rows[1] == "| flips and turns alone, the first weights | 0.570 | 0.612 | 0.500 | 10.0% | 4.5% |"


def test_the_page_has_what_was_measured():
    page = ablation.PAGE.read_text(encoding="utf-8")
    assert ablation.page(page) == page


@pytest.mark.parametrize("variant", ablation.VARIANTS, ids=lambda variant: f"{variant.group}, {variant.name}")
def test_every_variant_can_be_trained_and_differs_from_the_recipe(variant):
    recipe = load(ROOT / "profiles", "photos", ablation.BUDGET)
    params = load(ROOT / "profiles", "photos", (*ablation.BUDGET, *variant.settings))
    assert (params == recipe) == (variant == ablation.BASE)
    assert params.train.epochs * params.train.steps_per_epoch == 300


def test_no_two_variants_are_the_same():
    assert len({variant.settings for variant in ablation.VARIANTS}) == len(ablation.VARIANTS)
