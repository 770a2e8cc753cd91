from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from crackflow.sources.layouts import shown
from crackflow.sources.pairing import match_folders, match_together

ROOT = Path("set")
STEMS = st.sampled_from(
    ["a", "A", "b", "a_mask", "a_mask_gt", "a-label", "b.jpg", "b_gt", "caf\u00e9", "cafe\u0301", "", "._a"]
)
SUFFIXES = st.sampled_from([".jpg", ".JPG", ".jpeg", ".png", ".PNG", ".tif", ".txt", ".jpg.jpg", "", ".zip"])
NAMES = st.sets(st.builds("{}{}".format, STEMS, SUFFIXES).filter(bool), max_size=14)


def under(folder, names):
    return [ROOT / folder / name for name in sorted(names)]


def check_each_is_in_one(matched, files):
    used = [path for pair in matched.pairs.values() for path in pair]
    used += [path for unpaired in matched.rejected.values() for path in unpaired.files]
    assert len(used) == len(set(used))
    left = [shown(str(path.relative_to(ROOT))) for path in files if path not in used]
    assert sorted(left) == [one.name for one in matched.ignored]
    assert set(used) <= set(files)
    assert not matched.pairs.keys() & matched.rejected.keys()
    assert all(unpaired.reason for unpaired in matched.rejected.values())
    assert all(image != mask for image, mask in matched.pairs.values())


@settings(deadline=None)
@given(images=NAMES, masks=NAMES, data=st.data())
@example(images={"a.jpg", "a_mask.jpg"}, masks={"a_mask.png", "a_mask_gt.png", "a.png"}, data=None)
def test_each_file_of_two_folders_is_paired_rejected_or_ignored(images, masks, data):
    photographs, drawings = under("images", images), under("masks", masks)
    matched = match_folders(photographs, drawings, ROOT)
    check_each_is_in_one(matched, photographs + drawings)
    assert all(image.parent.name == "images" and mask.parent.name == "masks" for image, mask in matched.pairs.values())
    if data is not None:
        other = match_folders(data.draw(st.permutations(photographs)), data.draw(st.permutations(drawings)), ROOT)
        assert other == matched


@settings(deadline=None)
@given(names=NAMES, data=st.data())
@example(names={"a.jpg", "a_mask.png", "a_mask_gt.png"}, data=None)
def test_each_file_of_one_folder_is_paired_rejected_or_ignored(names, data):
    files = under("", names)
    matched = match_together(files, ROOT)
    check_each_is_in_one(matched, files)
    if data is not None:
        assert match_together(data.draw(st.permutations(files)), ROOT) == matched


def names_of(matched):
    return {stem: (image.name, mask.name) for stem, (image, mask) in matched.pairs.items()}


def test_a_mask_of_a_mask_is_rejected_with_it():
    matched = match_together(under("", {"a.jpg", "a_mask.png", "a_mask_gt.png", "b.jpg", "b_gt.png"}), ROOT)
    assert names_of(matched) == {"b": ("b.jpg", "b_gt.png")}
    assert matched.rejected["a"].reason == "2 masks of one name: a_mask.png, a_mask_gt.png"


def test_a_pair_by_name_and_one_by_suffix():
    matched = match_folders(under("images", {"a.jpg.jpg", "b.png"}), under("masks", {"a.jpg", "b-mask.PNG"}), ROOT)
    assert names_of(matched) == {"a": ("a.jpg.jpg", "a.jpg"), "b": ("b.png", "b-mask.PNG")}


def test_a_name_that_leaves_no_room_for_another_ending_is_rejected():
    # 120 letters of two bytes are 240
    fits, long = "é" * 120, "é" * 120 + "a"
    matched = match_folders(
        under("images", {f"{fits}.jpg", f"{long}.jpg"}), under("masks", {f"{fits}.png", f"{long}.png"}), ROOT
    )
    assert list(matched.pairs) == [fits]
    assert matched.rejected[long].reason == "a name of 241 bytes, expected at most 240: shorten it"
