"""What a pair's name tells: which source it comes from, and which photograph it was cut from.

The names are those of the public crack set that khanhha/crack_segmentation merged from earlier ones. Crops of one
photograph overlap or at least share light, camera and crack, so they belong on one side of a split.
"""

import re
from dataclasses import dataclass

# A name without any prefix, such as `kitchen`, says nothing of where it comes from.
NO_PREFIX = "photos"


@dataclass(frozen=True)
class _Rule:
    """How names of one source are read. Of `fields`, `crop` and `family` one at most is given."""

    source: str
    # the parent is the first so many parts between underscores
    fields: int | None = None
    # the parent is the name less this ending
    crop: str | None = None
    # sources that hold the same photographs under the same number share this word
    family: str | None = None


# fmt: off
_RULES = (
    _Rule("CFD",                    family="CFD"),     # CFD_049
    _Rule("forest",                 family="CFD"),     # forest_049 is CFD_049
    _Rule("Sylvie_Chambon",         family="CFD"),     # Sylvie_Chambon_049 is CFD_049
    _Rule("CRACK500",               fields=3),         # CRACK500_20160307_144115 _1281_1
    _Rule("DeepCrack",              crop=r"-\d+$"),    # DeepCrack_11111 -3, DeepCrack_IMG_6469 -2
    _Rule("Rissbilder_for_Florian", fields=4),         # Rissbilder_for_Florian_9S6A2846 _230_168_2768_2605
    _Rule("Volker",                 fields=2),         # Volker_DSC01670 _678_871_1022_989
    _Rule("noncrack",               fields=5),         # noncrack_noncrack_concrete_wall_20 _54
    _Rule("Eugen_Muller",           fields=3),         # Eugen_Muller_9360 _7_26_751_632
    _Rule("GAPS384",                fields=3),         # GAPS384_train_0809 _541_1
    _Rule("cracktree200"),                             # cracktree200_6243
)
# fmt: on


def source_of(stem: str) -> str:
    """Say which source a pair comes from.

    Args:
        stem: file name of the pair without its suffix.

    Returns:
        The source's prefix; for a name of none of the known sources, what stands before its first underscore or
        digit (`IMG_1234` and `IMG1235` are both `IMG`), or `photos` where nothing does.
    """
    rule = _rule(stem)
    if rule:
        return rule.source
    prefix = re.match(r"[^_\d]*(?=[_\d])", stem)
    return (prefix.group().rstrip(" -.(") if prefix else "") or NO_PREFIX


def parent_of(stem: str) -> str:
    """Name the photograph that a pair was cut from, as far as its name tells.

    Args:
        stem: file name of the pair without its suffix.

    Returns:
        The same text for every crop of one photograph; `stem` itself where the name tells of no photograph.
    """
    rule = _rule(stem)
    if not rule:
        return stem
    if rule.fields:
        return "_".join(stem.split("_")[: rule.fields])
    if rule.crop:
        return re.sub(rule.crop, "", stem)
    number = stem.removeprefix(f"{rule.source}_")
    return f"{rule.family}_{number}" if rule.family and number.isdecimal() else stem


def _rule(stem: str) -> _Rule | None:
    return next((rule for rule in _RULES if stem.startswith(f"{rule.source}_")), None)
