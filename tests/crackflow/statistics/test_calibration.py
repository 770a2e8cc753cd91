import numpy as np
import pytest
from scipy import special
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from crackflow.statistics import calibration
from crackflow.statistics.calibration import fit_temperature, histogram, reliability


@pytest.fixture(scope="module")
def pixels():
    """Probabilities of a network that is twice as sure as it should be: its log-odds are those of the truth times 2."""
    rng = np.random.default_rng(0)
    odds = rng.normal(-2, 2, 200_000)
    return special.expit(2 * odds).astype(np.float32), rng.random(odds.size) < special.expit(odds)


def test_by_hand():
    """Of pixels at 0.1, one in four is crack, of those at 0.9 three in four: |0.1 - 0.25| = |0.9 - 0.75| = 0.15."""
    probability = np.repeat([0.1, 0.9], 4)
    is_true = np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)
    curve = reliability(histogram(probability, is_true))
    assert curve.pixels.tolist() == [4, 4]
    assert curve.share.tolist() == [0.25, 0.75]
    # within half a cell of log-odds
    assert curve.probability == pytest.approx([0.1, 0.9], abs=0.003)
    assert (curve.low, curve.high) == (pytest.approx([1 / 15, 13 / 15]), pytest.approx([2 / 15, 14 / 15]))
    assert curve.error == pytest.approx(0.15, abs=0.003)
    assert curve.excess == pytest.approx(0, abs=1e-6)


def test_the_curve_is_scikit_learns(pixels):
    probability, is_true = pixels
    share, mean = calibration_curve(is_true, probability, n_bins=15)
    curve = reliability(histogram(probability, is_true))
    assert curve.share == pytest.approx(share, abs=0.03)
    assert curve.probability == pytest.approx(mean, abs=0.005)
    often = np.histogram(probability, np.linspace(0, 1, 16))[0] / probability.size
    assert curve.error == pytest.approx((often * np.abs(share - mean)).sum(), abs=0.001)


def test_the_temperature_is_that_of_a_logistic_regression_without_intercept(pixels):
    """Its weight of the log-odds is one over the temperature; here 2 within the chance of the sample."""
    probability, is_true = pixels
    odds = np.clip(special.logit(probability.astype(float)), -calibration.REACH, calibration.REACH)
    theirs = LogisticRegression(fit_intercept=False, C=np.inf).fit(odds[:, None], is_true).coef_[0, 0]
    found = fit_temperature(histogram(probability, is_true))
    assert found == pytest.approx(1 / theirs, rel=0.01)
    assert found == pytest.approx(2, rel=0.03)


def test_at_its_temperature_the_error_is_gone(pixels):
    counted = histogram(*pixels)
    assert reliability(counted).error > 0.03
    assert reliability(counted, 2.0).error < 0.004


def test_certainties_are_counted_and_images_add_up():
    probability = np.array([0, 1, 0.5, 1e-12], np.float32)
    is_true = np.array([False, True, True, False])
    whole = histogram(probability, is_true)
    assert whole.sum(axis=1).tolist() == [2, 2]
    parts = histogram(probability[:2], is_true[:2]) + histogram(probability[2:], is_true[2:])
    assert (whole == parts).all()
    curve = reliability(whole)
    assert (curve.probability[0], curve.probability[-1]) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-5))


def test_without_a_crack_no_temperature_fits():
    assert fit_temperature(histogram(np.full(9, 0.2), np.zeros(9, bool))) == 1


def test_without_pixels_there_is_no_error():
    curve = reliability(np.zeros((2, calibration.CELLS), np.int64))
    assert curve.pixels.size == 0
    assert np.isnan(curve.error)
    assert np.isnan(curve.excess)
