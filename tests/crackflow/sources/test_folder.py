import os
import sys
import unicodedata

import pytest

from crackflow.errors import DataError
from crackflow.sources.folder import find_pairs


def lay(root, *names):
    """Make files whose content is the last part of their path, unless `path=content` gives another."""
    for name in names:
        path, _, content = name.partition("=")
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content or target.name)
    return root


def found(root, **options):
    return [(pair.stem, pair.given) for pair in find_pairs(root, **options).pairs]


def rejected(root, **options):
    return [tuple(rejection) for rejection in find_pairs(root, **options).rejected]


def test_a_flat_folder(tmp_path):
    lay(tmp_path, "images/b.jpg", "images/a.JPG", "masks/a.png", "masks/b.jpg")
    pairs = find_pairs(tmp_path).pairs
    assert [(pair.stem, pair.given) for pair in pairs] == [("a", ""), ("b", "")]
    assert pairs[0].image == tmp_path / "images/a.JPG"
    assert pairs[0].mask == tmp_path / "masks/a.png"


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "png", "bmp", "tif", "TIFF", "webp"])
def test_every_extension_in_either_case(tmp_path, suffix):
    assert found(lay(tmp_path, f"images/a.{suffix}", "masks/a.png")) == [("a", "")]


def test_repeated_extensions_are_not_part_of_the_name(tmp_path):
    lay(tmp_path, "images/a.b.jpg.jpg", "masks/a.b.jpg")
    assert found(tmp_path) == [("a.b", "")]


def test_names_that_some_disks_can_not_tell_apart_are_rejected(tmp_path):
    """They are laid out by name: on macOS and Windows the one would be written over the other."""
    lay(tmp_path, "train/images/A.png", "train/masks/A.png", "test/images/a.png", "test/masks/a.png")
    lay(tmp_path, "test/images/b.png", "test/masks/b.png")
    reason = "another name differs only in case or accents; rename one"
    assert found(tmp_path) == [("b", "test")]
    assert rejected(tmp_path) == [("A", reason), ("a", reason)]


def test_given_subsets(tmp_path):
    for folder, stem in (("train", "a"), ("Test", "b"), ("val", "c")):
        lay(tmp_path, f"{folder}/images/{stem}.jpg", f"{folder}/masks/{stem}.jpg")
    assert found(tmp_path) == [("a", "train"), ("b", "test"), ("c", "valid")]


@pytest.mark.parametrize("depth", ["crack_set", "dataset/Crack"])
def test_a_single_sub_folder_is_entered(tmp_path, depth):
    lay(tmp_path, f"{depth}/images/a.jpg", f"{depth}/masks/a.jpg", "README.txt", "__MACOSX/x", ".git/x")
    assert found(tmp_path) == [("a", "")]


def test_kaggles_layout_counts_each_pair_once(tmp_path):
    for stem, folder in (("a", "train"), ("b", "test")):
        lay(tmp_path, *(f"{place}{kind}/{stem}.jpg" for place in ("", f"{folder}/") for kind in ("images", "masks")))
    lay(tmp_path, "images/c.jpg", "masks/c.jpg")
    assert found(tmp_path) == [("a", "train"), ("b", "test"), ("c", "")]
    assert rejected(tmp_path) == []


def test_a_pair_given_to_train_and_test_stays_in_train(tmp_path):
    lay(tmp_path, *(f"{place}/{kind}/a.jpg" for place in ("test", "train") for kind in ("images", "masks")))
    assert found(tmp_path) == [("a", "train")]


def test_one_name_for_different_files_is_rejected(tmp_path):
    lay(tmp_path, "images/a.jpg=one", "masks/a.jpg", "train/images/a.jpg=two", "train/masks/a.jpg")
    lay(tmp_path, "images/b.jpg", "masks/b.jpg")
    assert found(tmp_path) == [("b", "")]
    assert rejected(tmp_path) == [("a", "train/images/a.jpg and images/a.jpg share a name and differ")]


def test_a_different_mask_is_rejected_too(tmp_path):
    lay(tmp_path, "images/a.jpg", "masks/a.png=one", "test/images/a.jpg", "test/masks/a.png=two", "images/b.jpg")
    lay(tmp_path, "masks/b.jpg")
    assert rejected(tmp_path) == [("a", "test/masks/a.png and masks/a.png share a name and differ")]


def test_what_has_no_partner_is_rejected(tmp_path):
    lay(tmp_path, "images/a.jpg", "masks/a.png", "images/b.jpg", "masks/c.png")
    assert found(tmp_path) == [("a", "")]
    assert rejected(tmp_path) == [("b", "no mask for image images/b.jpg"), ("c", "no image for mask masks/c.png")]


def test_a_partner_in_another_place_is_enough(tmp_path):
    lay(tmp_path, "images/a.jpg", "masks/b.png", "train/images/a.jpg", "train/masks/a.jpg", "images/b.jpg")
    assert found(tmp_path) == [("a", "train"), ("b", "")]
    assert rejected(tmp_path) == []


def test_two_images_of_one_name_are_rejected(tmp_path):
    lay(tmp_path, "images/a.jpg", "images/a.png", "masks/a.png", "images/b.jpg", "masks/b.png")
    assert rejected(tmp_path) == [("a", "2 images of one name: a.jpg, a.png")]


def ignored(root):
    return [tuple(one) for one in find_pairs(root).ignored]


def test_hidden_and_other_files_are_ignored_and_listed(tmp_path):
    lay(tmp_path, "images/a.jpg", "masks/a.png", "images/Thumbs.db", "images/._a.jpg", "images/.jpg")
    lay(tmp_path, "images/sub/b.jpg", "README.txt", "videos/a.mp4", "preview.png", "masks/list.txt")
    assert found(tmp_path) == [("a", "")]
    assert rejected(tmp_path) == []
    assert ignored(tmp_path) == [
        ("README.txt", "lies outside the folders of images and masks"),
        ("images/._a.jpg", "is a hidden or OS metadata file"),
        ("images/.jpg", "is a hidden or OS metadata file"),
        ("images/Thumbs.db", "is not an image file"),
        ("images/sub/", "is a folder outside the layout"),
        ("masks/list.txt", "is not an image file"),
        ("preview.png", "lies outside the folders of images and masks"),
        ("videos/", "is a folder outside the layout"),
    ]


@pytest.mark.parametrize("images", ["images", "Image", "IMGS", "img", "photos"])
@pytest.mark.parametrize(
    "masks", ["masks", "MASK", "Labels", "label", "annotations", "Ground Truth", "ground-truth", "gt"]
)
def test_folders_of_other_names(tmp_path, images, masks):
    lay(tmp_path, f"{images}/a.jpg", f"{masks}/a.png", f"train/{images}/b.jpg", f"train/{masks}/b.png")
    assert found(tmp_path) == [("a", ""), ("b", "train")]
    assert ignored(tmp_path) == []


def test_layouts_as_other_tools_export_them(tmp_path):
    voc = ("JPEGImages/a.jpg", "SegmentationClass/a.png", "SegmentationObject/a.png", "labelmap.txt")
    lay(tmp_path / "CVAT", *voc)
    assert found(tmp_path / "CVAT") == [("a", "")]
    lay(tmp_path / "DeepCrack", "train_img/a.jpg", "train_lab/a.png", "test_img/b.jpg", "test_lab/b.png")
    assert found(tmp_path / "DeepCrack") == [("a", "train"), ("b", "test")]
    lay(tmp_path / "mmseg", *(f"{kind}_dir/{one}/{one}.png" for kind in ("img", "ann") for one in ("train", "val")))
    assert found(tmp_path / "mmseg") == [("train", "train"), ("val", "valid")]
    lay(tmp_path / "Roboflow", "train/a_jpg.rf.0a1b2c.jpg", "train/a_jpg.rf.0a1b2c_mask.png", "train/_classes.csv")
    assert found(tmp_path / "Roboflow") == [("a_jpg.rf.0a1b2c", "train")]
    lay(tmp_path / "Supervisely", "ds0/img/a.jpg", "ds0/masks_machine/a.png", "ds0/ann/a.jpg.json", "meta.json")
    assert found(tmp_path / "Supervisely") == [("a", "")]


def test_two_folders_that_may_be_meant_are_rejected(tmp_path):
    lay(tmp_path, "images/a.jpg", "masks/a.png", "labels/a.txt")
    # one without images is not meant
    assert found(tmp_path) == [("a", "")]
    assert ignored(tmp_path) == [("labels/", "is a folder outside the layout")]
    lay(tmp_path, "labels/a.png")
    with pytest.raises(DataError, match="holds labels and masks, expected one of them; keep one"):
        find_pairs(tmp_path)


def test_subsets_inside_images_and_masks(tmp_path):
    lay(tmp_path, *(f"{kind}/{subset}/{subset}.png" for kind in ("images", "masks") for subset in ("train", "val")))
    assert found(tmp_path) == [("train", "train"), ("val", "valid")]
    lay(tmp_path, "images/c.png", "masks/c.png")
    assert found(tmp_path) == [("c", ""), ("train", "train"), ("val", "valid")]


@pytest.mark.parametrize(
    "mask", ["a_mask.png", "a-mask.jpg", "a_MASK.PNG", "a_label.png", "a.gt.png", "a_ground_truth.tif"]
)
@pytest.mark.parametrize("masks", ["masks/", ""])
def test_a_mask_may_have_a_suffix(tmp_path, masks, mask):
    lay(tmp_path, f"{'images/' if masks else ''}a.jpg", f"{masks}{mask}")
    [pair] = find_pairs(tmp_path).pairs
    assert (pair.stem, pair.image.name, pair.mask.name) == ("a", "a.jpg", mask)


def test_the_full_name_comes_before_the_name_without_a_suffix(tmp_path):
    lay(tmp_path, "images/a.jpg", "images/a_label.jpg", "masks/a_label.png", "masks/a.png")
    assert [(pair.stem, pair.mask.name) for pair in find_pairs(tmp_path).pairs] == [
        ("a", "a.png"),
        ("a_label", "a_label.png"),
    ]


def test_two_masks_with_and_without_a_suffix_are_rejected(tmp_path):
    lay(tmp_path, "images/a.jpg", "masks/a.png", "masks/a_mask.png", "images/b.jpg", "masks/b.png")
    assert rejected(tmp_path) == [("a", "2 masks of one name: a.png, a_mask.png")]


@pytest.mark.parametrize("folder", ["", "train/", "set/traincrop/"])
def test_photographs_and_masks_side_by_side(tmp_path, folder):
    lay(
        tmp_path,
        *(f"{folder}{name}" for name in ("20160222_1.jpg", "20160222_1.png", "b.JPEG", "b_mask.jpg", "notes.txt")),
    )
    assert found(tmp_path) == [
        ("20160222_1", "train" if folder == "train/" else ""),
        ("b", "train" if folder == "train/" else ""),
    ]
    assert ignored(tmp_path) == [(f"{folder}notes.txt", "is not an image file")]


def test_side_by_side_what_may_be_either_is_rejected(tmp_path):
    lay(
        tmp_path,
        "a.jpg",
        "a.png",
        "b.png",
        "b.bmp",
        "c.jpg",
        "c.png",
        "c_gt.png",
        "d.jpg",
        "e_mask.png",
        "f.jpg",
        "f.jpeg",
    )
    assert found(tmp_path) == [("a", "")]
    assert rejected(tmp_path) == [
        ("b", "2 images of one name: b.bmp, b.png"),
        ("c", "2 images of one name: c.jpg, c.png"),
        ("d", "no mask for image d.jpg"),
        ("e_mask", "no image for mask e_mask.png"),
        ("f", "2 images of one name: f.jpeg, f.jpg"),
    ]


def test_an_image_beside_a_folder_is_not_a_layout(tmp_path):
    lay(tmp_path, "logo.png", "set/images/a.jpg", "set/masks/a.png")
    assert found(tmp_path) == [("a", "")]
    assert ignored(tmp_path) == [("logo.png", "lies outside the folders of images and masks")]


def test_accents_encoded_in_two_ways_are_one_name(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "höhe") for form in ("NFC", "NFD"))
    lay(tmp_path, f"images/{decomposed}.jpg", f"masks/{composed}.png")
    assert found(tmp_path) == [(composed, "")]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_unicode_become_text(tmp_path):
    for folder, name in (("images", b"a\xff\n.jpg"), ("masks", b"a\xff\n.png"), ("images", b"b\xff.txt")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / os.fsdecode(name)).write_text("x")
    assert found(tmp_path) == [("a\ufffd\ufffd", "")]
    assert ignored(tmp_path) == [("images/b\ufffd.txt", "is not an image file")]


def test_a_folder_that_can_not_be_read(tmp_path):
    lay(tmp_path, "images/a.jpg", "masks/a.png")
    (tmp_path / "images").chmod(0)
    if os.access(tmp_path / "images", os.R_OK):
        pytest.skip("whoever may read everything sees no such folder")
    with pytest.raises(DataError, match=r"images can't be read \(Permission denied\)"):
        find_pairs(tmp_path)


def test_patterns_choose_and_leave_out(tmp_path):
    for stem in ("CFD_1", "CFD_2", "noncrack_1", "photo"):
        lay(tmp_path, f"images/{stem}.jpg", f"masks/{stem}.jpg")
    lay(tmp_path, "images/noncrack_2.jpg")
    chosen = {"include": ["CFD*", "noncrack*"], "exclude": ["noncrack*", "*_2"]}
    assert found(tmp_path, **chosen) == [("CFD_1", "")]
    # what is left out is not complained about either
    assert rejected(tmp_path, **chosen) == []


def test_an_absent_folder(tmp_path):
    with pytest.raises(DataError, match=r"nowhere is not a folder; expected images/ and masks/ in it.*data\.path"):
        find_pairs(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("names", "held"),
    [
        ((), "holds nothing;"),
        (("a.jpg", "b.jpg"), "holds a.jpg, b.jpg;"),
        (("images/a.jpg",), "holds images;"),
        (("images/a.jpg", "drawings/a.jpg"), "holds drawings, images;"),
    ],
)
def test_an_unknown_layout_is_named(tmp_path, names, held):
    with pytest.raises(DataError, match=f"{held} expected images/ and masks/ in it, or train/, test/"):
        find_pairs(lay(tmp_path, *names))


def test_a_folder_that_holds_itself_ends(tmp_path):
    (tmp_path / "again").symlink_to(tmp_path)
    with pytest.raises(DataError, match="holds again"):
        find_pairs(tmp_path)


def test_patterns_that_take_nothing(tmp_path):
    lay(tmp_path, "images/a.jpg", "masks/a.jpg")
    with pytest.raises(DataError, match=r"data\.include \['x\*'\] and data\.exclude \[\] match none of 1 names"):
        find_pairs(tmp_path, include=["x*"])


def test_folders_without_images(tmp_path):
    lay(tmp_path, "images/a.txt", "masks/a.txt")
    with pytest.raises(DataError, match=r"no pair in .*: images/ and masks/ hold no image files \(\.jpg"):
        find_pairs(tmp_path)


def test_only_rejected_pairs(tmp_path):
    lay(tmp_path, "images/a.jpg", "masks/b.jpg")
    with pytest.raises(
        DataError, match=r"no pair in .*: 2 can't be used, the first is a: no mask for image images/a\.jpg"
    ):
        find_pairs(tmp_path)


def test_too_many_rejected(tmp_path):
    for stem in "abc":
        lay(tmp_path, f"images/{stem}.jpg", f"masks/{stem}.jpg")
    lay(tmp_path, "images/d.jpg")
    assert len(find_pairs(tmp_path, max_rejected=0.25).pairs) == 3
    with pytest.raises(DataError, match=r"1 of 4 pairs \(25\.0%\) can't be used, at most 24\.0% .*data\.max_rejected"):
        find_pairs(tmp_path, max_rejected=0.24)
