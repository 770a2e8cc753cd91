"""The words that people name photographs, masks and their folders with: tables that decide what belongs together."""

import re
import unicodedata

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")

# Folder names, lower case, `-` and spaces as `_`.
IMAGE_FOLDERS = frozenset({"images", "image", "imgs", "img", "photos", "photo"})
MASK_FOLDERS = frozenset(
    {"masks", "mask", "labels", "label", "annotations", "annotation", "ground_truth", "groundtruth", "gt"}
)
# The order decides which subset a pair keeps that is given in two.
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
    """Whether a file's name ends as an image's, in any case, and is not hidden or made of the extension alone."""
    return not name.startswith(".") and name.lower().endswith(EXTENSIONS)


def shown(name: str) -> str:
    """A name in Unicode's composed form that fits on one line and into a file: what can't be printed becomes U+FFFD."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in unicodedata.normalize("NFC", name))


def stem_of(name: str) -> str:
    """The name as `shown`, less all its image extensions: `a.jpg.jpg` is `a`."""
    stem = shown(name)
    while stem.lower().endswith(EXTENSIONS):
        stem = stem[: stem.rindex(".")]
    return stem


def without_mask_suffix(stem: str) -> str:
    """The stem of the image that a mask's stem names, `a` for `a_mask`; the same stem where it has no such suffix."""
    shorter = _MASK_SUFFIX.sub("", stem)
    return shorter or stem


def folder_word(name: str) -> str:
    """A folder's name as the tables above spell it."""
    return re.sub(r"[\- ]", "_", name.lower())


def on_any_disk(name: str) -> str:
    """What a disk takes for the same name: macOS and Windows overlook case, macOS the way accents are written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
