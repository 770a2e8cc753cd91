from benchmarks.accuracy import foreign
from benchmarks.accuracy.real import ROOT
from pipelines.commands.profile import load


def test_a_row_sets_unseen_beside_seen():
    values = {
        "all": {"by_source": {"CFD": {"images": 7, "pooled_iou": 0.4, "positives_iou": 0.41}}},
        "without": {"CFD": {"all": {"images": 66, "pooled_iou": 0.1234, "positives_iou": 0.2}}},
    }
    assert foreign.foreign(values).splitlines()[2:] == [
        "| CFD (with it forest, Sylvie_Chambon) | 66 | 0.123 | 0.200 | 0.400 | 7 |"
    ]


def test_its_budget_is_a_recipe():
    params = load(ROOT / "profiles", "photos", foreign.BUDGET)
    assert params.train.epochs * params.train.steps_per_epoch == 500


def test_the_page_has_what_was_measured():
    page = foreign.PAGE.read_text(encoding="utf-8")
    assert foreign.page(page) == page
