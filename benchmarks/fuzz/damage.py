"""Damage to files: bytes exchanged or lost, and values of JSON changed."""

import json
import random
from typing import Any

from hypothesis import strategies as st

_NUMBERS = (0, 1, -1, 2, 255, 2**31, 2**32 + 1, 2**63, 10**400, -(2**70), 0.5, -0.0, 1e-320, 1e308)
_WORDS = ("", "a\nb", "\x1b[31m", "\ud800", "\0", "../x", "x" * 3000, "crack", "Lambda", "os", "1")
_OTHERS = (None, True, False, float("nan"), float("inf"))


@st.composite
def damaged(draw: st.DrawFn, wholes: list[bytes]) -> bytes:
    """One of some contents: bytes exchanged, a part taken out, doubled, or the end cut off; or its JSON changed."""
    whole = draw(st.sampled_from(wholes))
    if whole.startswith(b"{") and draw(st.booleans()):
        return changed(whole, draw(st.integers(0, 2**32)))
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.integers(1, 16))
        how = draw(st.sampled_from(["exchange", "remove", "double", "cut"]))
        if how == "exchange":
            content[place : place + length] = draw(st.binary(min_size=length, max_size=length))
        elif how == "remove":
            del content[place : place + length]
        elif how == "double":
            content[place:place] = content[place : place + length]
        else:
            del content[place:]
    return bytes(content)


def changed(content: bytes, seed: int) -> bytes:
    """JSON with a few values or keys changed; the same where it is no JSON."""
    drawn = random.Random(seed)  # noqa: S311 # no secret
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return content
    for _ in range(drawn.randint(1, 3)):
        value = _change(value, drawn)
    try:
        return json.dumps(value).encode()
    except (ValueError, RecursionError):
        return content


def _change(value: Any, drawn: random.Random) -> Any:
    """Go down by chance, and change what is there."""
    if isinstance(value, (dict, list)) and value and drawn.random() < 0.85:
        key = drawn.choice(list(value) if isinstance(value, dict) else range(len(value)))
        how = drawn.random()
        if how < 0.1:
            del value[key]
        elif how < 0.2 and isinstance(value, dict):
            value[drawn.choice(_WORDS)] = value[key]
        elif how < 0.25 and isinstance(value, list):
            value.extend(value[:1000])
        else:
            value[key] = _change(value[key], drawn)
        return value
    if isinstance(value, (int, float)) and drawn.random() < 0.6:
        return drawn.choice(_NUMBERS)
    if isinstance(value, str) and drawn.random() < 0.6:
        return drawn.choice(_WORDS)
    nested: Any = 0
    for _ in range(drawn.choice((1, 3, 40))):
        nested = [nested]
    return drawn.choice((*_NUMBERS, *_WORDS, *_OTHERS, [], {}, [1, 2], {"a": 1}, nested, value))
