"""docs/reference/figures.md: each formula, computed as it stands there, gives the figure that crackflow reports."""

from pathlib import Path

import numpy as np
import pytest

from crackflow.evaluation.figures import crack_figures, flat
from crackflow.evaluation.headline import BY_NAME, HEADLINE, figure_words
from crackflow.evaluation.image_scores import score_image

PAGE = Path(__file__).parents[2] / "docs/reference/figures.md"
KINDS = {
    "all": lambda truth: True,
    "with cracks": lambda truth: truth.any(),
    "crack-free": lambda truth: not truth.any(),
}


def table():
    """Of the first table: figure, formula, images, nothing there, tolerance, by name."""
    lines = PAGE.read_text(encoding="utf-8").partition("## Other")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {name: (figure, formula.strip("`"), *rest) for figure, name, formula, *rest in rows[2:]}


@pytest.fixture(scope="module")
def pairs():
    """Predicted and true masks of 12 x 12 px: some empty on one side, one on both, two false alarms."""
    rng = np.random.default_rng(4)
    found = [(rng.random((12, 12)) < 0.3, rng.random((12, 12)) < 0.3) for _ in range(5)]
    nothing = np.zeros((12, 12), bool)
    return [*found, (nothing, found[0][1]), (nothing, nothing), (found[1][0], nothing), (found[2][0], nothing)]


def reached(pairs):
    images = []
    for predicted, truth in pairs:
        classes = predicted.astype(np.uint8)
        images.append(
            score_image("s", "x", "g", np.eye(2, dtype=np.float32)[classes], classes, truth.astype(np.uint8), 2)
        )
    return flat(crack_figures(images))


def near(mask, other):
    """Which pixels of a mask have one of the other within 2 px, pair by pair."""
    at, there = np.argwhere(mask), np.argwhere(other)
    return [bool(len(there)) and np.min(np.hypot(*(there - one).T)) <= 2 for one in at]


def columns(predicted, truth):
    right, found = near(predicted, truth), near(truth, predicted)
    return {
        "tp": (predicted & truth).sum(),
        "fp": (predicted & ~truth).sum(),
        "fn": (~predicted & truth).sum(),
        "tn": (~predicted & ~truth).sum(),
        "right": np.mean(right) if right else 0.0,
        "found": np.mean(found) if found else 0.0,
    }


def test_the_page_has_each_headline_figure_by_its_words_in_order():
    rows = table()
    assert list(rows) == [one.name for one in HEADLINE]
    assert [row[0] for row in rows.values()] == [figure_words(one, {}) for one in HEADLINE]


@pytest.mark.parametrize("name", [one.name for one in HEADLINE])
def test_the_formula_gives_the_figure(name, pairs):
    _, formula, kind, _, _ = table()[name]
    images = [columns(predicted, truth) for predicted, truth in pairs if KINDS[kind](truth)]

    def mean(values):
        # 0 / 0: an image without anything on either side counts 1; one whose prediction is empty or nowhere near, 0
        empty = np.array([not (one["tp"] + one["fp"] + one["fn"]) for one in images])
        return np.mean(np.where(np.isnan(values), empty, values))

    stacked = {key: np.array([one[key] for one in images], float) for key in images[0]}
    with np.errstate(invalid="ignore"):
        value = eval(formula, {"__builtins__": {}}, {**stacked, "sum": np.sum, "mean": mean})  # noqa: S307
    assert reached(pairs)[name] == pytest.approx(value)


@pytest.mark.parametrize("name", [one.name for one in HEADLINE])
def test_what_counts_where_nothing_is_there(name):
    """A crack that is missed, alone, and nothing on either side, alone."""
    said = table()[name][3]
    nothing, crack = np.zeros((12, 12), bool), np.eye(12, dtype=bool)
    missed, empty = (reached([(nothing, truth)])[name] for truth in (crack, nothing))
    if "both masks are empty" in said:
        assert (missed, empty) == (0, 1)
    elif "an empty prediction counts 0" in said:
        assert missed == 0
        assert np.isnan(empty)
    elif "undefined without a predicted" in said:
        assert np.isnan(missed)
    elif BY_NAME[name].lower_is_better:
        assert np.isnan(missed)
        assert empty == 0
    else:
        assert missed == 0
        assert np.isnan(empty)


def test_only_one_figure_has_a_tolerance():
    assert {name for name, row in table().items() if row[4] != "0 px"} == {"tolerant_f1"}
