import io

import cv2
import numpy as np
import pytest
from PIL import Image

from crackflow.imaging.png_strips import png_of, strips_of


@pytest.mark.parametrize(("shape", "dtype"), [((7, 5, 3), np.uint8), ((7, 5), np.uint8), ((7, 5), np.uint16)])
def test_opencv_and_pillow_read_what_was_written(shape, dtype):
    """Strips of 3, 3 and 1 rows."""
    picture = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)
    content = png_of((picture[rows] for rows in strips_of(7, 5, 15)), 7, 5)
    read = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read[..., ::-1] if read.ndim == 3 else read, picture)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), picture)


def test_strips_are_every_row_once_in_order():
    found = list(strips_of(7, 5, 15))
    assert [row for rows in found for row in range(rows.start, rows.stop)] == list(range(7))
    assert list(strips_of(2, 100, 10)) == [slice(0, 1), slice(1, 2)]


@pytest.mark.parametrize(("shape", "message"), [((6, 5), "6 rows, expected 7"), ((7, 4), "4 px wide, expected 5")])
def test_strips_that_do_not_make_the_picture(shape, message):
    with pytest.raises(ValueError, match=message):
        png_of([np.zeros(shape, np.uint8)], 7, 5)
