import json

import numpy as np

from benchmarks.data import strips


def test_a_strip_lies_about_the_crack_and_is_as_long_as_asked():
    truth = np.zeros((100, 200), np.uint8)
    truth[70:72] = 1
    for long, shape in ((1, (100, 100)), (2, (100, 200)), (4, (50, 200)), (8, (25, 200))):
        part = strips.strip(truth, long)
        assert truth[part].shape == shape
        assert truth[part].any()
    # 25 rows about row 70
    assert strips.strip(truth, 8)[0] == slice(58, 83)


def test_the_page_has_the_table_of_the_file():
    text, values = strips.PAGE.read_text(encoding="utf-8"), json.loads(strips.RESULTS.read_text(encoding="utf-8"))
    assert strips.page(text, values) == text
