import numpy as np

from crackflow.visualization.captions import GAP, LINE_PX, entries, entry


def flat(level, side=8):
    return np.full((side, side, 3), level, np.uint8)


def test_pictures_stand_in_a_row_with_room_for_each_line():
    made = entry([flat(10), flat(200)], ["name", "reason"], 32)
    assert made.shape == (32 + GAP + 2 * LINE_PX, 2 * 32 + GAP, 3)
    assert (made[:32, :32] == 10).all()
    assert (made[:32, 32 + GAP :] == 200).all()
    assert (made[:32, 32 : 32 + GAP] == 255).all()
    words = made[32 + GAP :]
    assert all((words[line * LINE_PX : (line + 1) * LINE_PX] < 128).any() for line in (0, 1))


def test_large_pictures_are_averaged():
    checks = np.zeros((64, 64, 3), np.uint8)
    checks[::2] = 255
    assert np.abs(entry([checks], [], 32)[:32].astype(int) - 128).max() <= 1


def test_entries_fill_rows_from_the_left():
    """7 entries of 20 x 20 in rows of 3: 3 rows, the last one with one entry; margins of 8 px around each."""
    made = entries([flat(level, 20) for level in range(0, 70, 10)], 3)
    assert made.shape == (8 + 3 * 28, 8 + 3 * 28, 3)
    for place in range(7):
        top, left = 8 + 28 * (place // 3), 8 + 28 * (place % 3)
        assert (made[top : top + 20, left : left + 20] == 10 * place).all()
    assert (made[64:, 36:] == 255).all()


def test_one_entry_makes_a_narrow_sheet():
    assert entries([flat(0, 20)], 3).shape == (36, 36, 3)
