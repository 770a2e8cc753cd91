import numpy as np

from crackflow.evaluation.level_file import LevelFile


def test_pictures_come_back_in_order_as_often_as_asked_and_leave_no_file(tmp_path):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 65536, shape).astype(np.uint16) for shape in ((4, 5), (2, 3, 4), (1, 1))]
    kept = LevelFile(tmp_path / "new" / "folder")
    for picture in pictures:
        kept.append(picture)
    for _ in range(2):
        for found, expected in zip(kept, pictures, strict=True):
            assert found.dtype == np.uint16
            np.testing.assert_array_equal(found, expected)
    kept.close()
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_a_part_of_a_picture_that_is_not_in_one_stretch_of_memory_is_kept_right(tmp_path):
    picture = np.arange(24, dtype=np.uint16).reshape(4, 6)
    kept = LevelFile(tmp_path)
    kept.append(picture.T[::2])
    np.testing.assert_array_equal(next(iter(kept)), picture.T[::2])
    kept.close()
