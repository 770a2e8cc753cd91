"""What a pair's name tells: which source it comes from, and which photograph it was cut from.

The names are those of the public crack set that khanhha/crack_segmentation merged from earlier ones and Kaggle holds.
It is said to hold twelve sets, but its 11,298 names have eleven prefixes: under Sylvie_Chambon stand the photographs of
CFD and those of at least one more set. Crops of one photograph overlap or at least share light, camera and crack, so
they belong on one side of a split.
"""

import re
from typing import NamedTuple

# A name without any prefix, such as `kitchen`, says nothing of where it comes from.
NO_PREFIX = "photos"
_SHORTEST = 3
# Made by a program to be unlike any other: its first letters are chance.
_CHECKSUM = re.compile(r"[0-9a-fA-F-]{16,}")


class _Rule(NamedTuple):
    """How names of one source are read; a name that no rule of its source fits is a photograph of its own."""

    source: str
    # what follows the prefix and `_`, or begins it; the group is what all crops of one photograph share
    rest: str
    # what stands before the group in the photograph's name; sources of the same photographs share it
    parent: str


# fmt: off
_RULES = (
    _Rule("CFD",                    r"(\d+)$",                  "CFD"),              # 049
    _Rule("forest",                 r"(\d+)$",                  "CFD"),              # 049 is CFD_049
    _Rule("Sylvie_Chambon",         r"(\d+)$",                  "CFD"),              # 049 is CFD_049
    # GT and noGT of one number may be one photograph: joined as a precaution
    _Rule("Sylvie_Chambon",         r"Im_(?:no)?GT_(ESAR_\d+)", "Sylvie_Chambon"),   # Im_GT_ ESAR_20 a
    _Rule("CRACK500",               r"([^_]+_[^_]+)",           "CRACK500"),         # 20160307_144115 _1281_1
    _Rule("DeepCrack",              r"(.+?)(?:-\d+)*$",         "DeepCrack"),        # 11111 -3, IMG_6469 -2
    _Rule("Rissbilder_for_Florian", r"([^_]+)",       "Rissbilder_for_Florian"),     # 9S6A2846 _230_168_2768_2605
    _Rule("Volker",                 r"([^_]+)",                 "Volker"),           # DSC01670 _678_871_1022_989
    _Rule("noncrack",               r"((?:[^_]+_){3}[^_]+)",    "noncrack"),         # noncrack_concrete_wall_20 _54
    # 8980 and 8980a show one slab
    _Rule("Eugen_Muller",           r"(\d+)",                   "Eugen_Muller"),     # 8980 a_25_22_747_752
    _Rule("GAPS384",                r"([^_]+_[^_]+)",           "GAPS384"),          # train_0809 _541_1
    _Rule("cracktree200",           r"(.+)",                    "cracktree200"),     # 6243
)
# fmt: on


def source_of(stem: str) -> str:
    """Say which source a pair comes from.

    Args:
        stem: file name of the pair without its suffix.

    Returns:
        The source's prefix; for a name of none of the known sources, what stands before its first underscore or
        digit (`IMG_1234` and `IMG1235` are both `IMG`), or `photos` where that has fewer than three letters or the
        name is a checksum or the like.
    """
    for rule in _RULES:
        if stem.startswith(f"{rule.source}_"):
            return rule.source
    found = re.match(r"[^_\d]*(?=[_\d])", stem)
    prefix = found.group().rstrip(" -.(") if found else ""
    return prefix if len(prefix) >= _SHORTEST and not _CHECKSUM.fullmatch(stem) else NO_PREFIX


def parent_of(stem: str) -> str:
    """Name the photograph that a pair was cut from, as far as its name tells.

    Args:
        stem: file name of the pair without its suffix.

    Returns:
        The same text for every crop of one photograph; `stem` itself where the name tells of no photograph.
    """
    for rule in _RULES:
        found = re.match(f"{rule.source}_{rule.rest}", stem)
        if found:
            return f"{rule.parent}_{found.group(1)}"
    return stem
