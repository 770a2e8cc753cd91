"""The words that people use in the names of photographs, masks and folders, and how names are compared."""

import re
import unicodedata

from crackflow.safe_text import identifier, printable

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")

# Names of folders, in lower case, with `_` for `-` and spaces.
# JPEGImages and SegmentationClass are Pascal VOC's and CVAT's, img_dir and ann_dir mmsegmentation's, masks_machine is
# Supervisely's.
IMAGE_FOLDERS = frozenset({"images", "image", "imgs", "img", "photos", "photo", "jpegimages", "img_dir"})
MASK_FOLDERS = frozenset(
    {"masks", "mask", "labels", "label", "annotations", "annotation", "ground_truth", "groundtruth", "gt"}
    | {"segmentationclass", "ann_dir", "masks_machine"}
)
# of folders that are called by subset and kind: DeepCrack's train_img/ and train_lab/
MASK_ENDINGS = MASK_FOLDERS | {"lab", "labs"}
# A pair that lies in two subsets keeps the one that comes first here.
SUBSET_FOLDERS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
}

# What follows an image's stem in its mask's name: a_mask.png, a-gt.png, "a label.png".
_MASK_SUFFIX = re.compile(r"[_\-. ](masks?|labels?|gt|ground_?truth|annotations?|seg)$", re.IGNORECASE)


def is_image(name: str) -> bool:
    """Whether a file name has an image extension, in any case, and does not start with a dot."""
    return not name.startswith(".") and name.lower().endswith(EXTENSIONS)


def shown(name: str) -> str:
    """Return a name that is safe to print: Unicode NFC, with U+FFFD for characters that can't be printed."""
    return printable(unicodedata.normalize("NFC", name))


def stem_of(name: str) -> str:
    """Return the name as `shown`, safe for tables and pages, without its image extensions: `a` for `a.jpg.jpg`."""
    stem = shown(name)
    while stem.lower().endswith(EXTENSIONS):
        stem = stem[: stem.rindex(".")]
    return identifier(stem)


def without_mask_suffix(stem: str) -> str:
    """Return a stem without a mask suffix: `a` for `a_mask`. A stem that has none is returned as it is."""
    shorter = _MASK_SUFFIX.sub("", stem)
    return shorter or stem


def folder_word(name: str) -> str:
    """Return a folder's name as the tables above spell it."""
    return re.sub(r"[\- ]", "_", name.lower())


def portable_key(name: str) -> str:
    """Return a key that is equal for names that some disks can't tell apart.

    macOS and Windows ignore case; macOS also ignores how an accent is encoded.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
