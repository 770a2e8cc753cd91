import numpy as np
import pytest

from crackflow.errors import ModelError
from crackflow.runtimes.parity import Parity, compare


class Known:
    """A network whose crack probability is the first channel / 255, and `more` of it in the first pixel."""

    input_shape = (None, 4, 4, 3)
    output_shape = (None, 4, 4, 2)

    def __init__(self, more=0.0):
        self.more = more

    def predict_on_batch(self, x):
        crack = np.asarray(x)[..., 0] / 255
        crack[:, 0, 0] += self.more
        return np.stack([1 - crack, crack], axis=-1)


def pictures():
    """Two: of the first, 8 pixels are 0.8, of which 1 is the first pixel; of the second none."""
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:2] = 204
    return [picture, np.zeros((4, 4, 3), np.uint8)]


def test_a_network_agrees_with_itself():
    found = compare(Known(), Known(), pictures(), 0.5)
    assert found == Parity(pictures=2, largest=0.0, mean=0.0, marked=8, changed=0)
    found.check("OpenVINO")


def test_what_changes_is_counted():
    found = compare(Known(), Known(-0.4), pictures()[:1], 0.5)
    assert (found.marked, found.changed, found.changed_share) == (8, 1, 0.125)
    assert found.largest == pytest.approx(0.4)
    assert found.mean == pytest.approx(0.4 / 16)
    with pytest.raises(ModelError, match=r"OpenVINO does not agree with Keras \(1 pictures; .* 1 of 8 \(12.500 %\)\)"):
        found.check("OpenVINO")


def test_a_difference_alone_is_rejected_though_no_mask_changes():
    found = compare(Known(), Known(0.002), pictures()[:1], 0.5)
    assert found.changed == 0
    with pytest.raises(ModelError, match=r"expected at most 0\.001 and 0\.1 %"):
        found.check("OpenVINO")


def test_nothing_marked_is_nothing_changed():
    assert compare(Known(), Known(), pictures()[1:], 0.5).changed_share == 0
