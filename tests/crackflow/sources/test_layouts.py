import pytest

from crackflow.sources.layouts import folder_word, is_image, stem_of, without_mask_suffix


@pytest.mark.parametrize(
    ("name", "image", "stem"),
    [
        ("a.jpg", True, "a"),
        ("a.b.JPG.jpg", True, "a.b"),
        ("a.webp", True, "a"),
        ("a.gif", False, "a.gif"),
        (".jpg", False, ""),
        ("._a.jpg", False, "._a"),
        ("cafe\u0301.png", True, "caf\u00e9"),
    ],
)
def test_images_and_their_stems(name, image, stem):
    assert is_image(name) is image
    assert stem_of(name) == stem


@pytest.mark.parametrize(
    ("stem", "shorter"),
    [
        ("a_mask", "a"),
        ("a-GT", "a"),
        ("a label", "a"),
        ("a.seg", "a"),
        ("a_mask_gt", "a_mask"),
        ("unmask", "unmask"),
        ("_mask", "_mask"),
        ("a_mask_1", "a_mask_1"),
    ],
)
def test_suffixes_of_masks(stem, shorter):
    assert without_mask_suffix(stem) == shorter


def test_words_of_folders():
    assert folder_word("Ground Truth") == folder_word("ground-truth") == "ground_truth"
