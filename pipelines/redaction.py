"""Addresses without what they may hold of secrets, for all that is shown: messages, findings, logs."""

import re
from urllib.parse import urlsplit

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]*")
_HIDDEN = "***"


def redacted(text: object) -> str:
    """Give a text in which each address has scheme, host, port and path alone.

    A password may hold characters that belong into an address only when they are escaped, such as @ and /. Then more
    than the password is hidden, and never less.

    >>> redacted("can't reach https://me:p@ss/w0rd@host:8080/store?sig=abc#d now")
    "can't reach https://host:8080/store now"
    """
    return _ADDRESS.sub(lambda found: _in_a_sentence(found[0]), str(text))


def _in_a_sentence(address: str) -> str:
    """Hide secrets where the address may end with a mark of the sentence around it, which is no part of a port."""
    whole = _without_secrets(address)
    bare = address.rstrip(",;")
    if whole.endswith(_HIDDEN) and bare != address and not (shown := _without_secrets(bare)).endswith(_HIDDEN):
        return shown + address[len(bare) :]
    return whole


def _without_secrets(address: str) -> str:
    scheme, _, rest = address.partition("://")
    # an unescaped / ? or # in a password ends the part that urllib takes for user, password and host
    rest = rest.rpartition("@")[2]
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return f"{scheme}://{_HIDDEN}"
    if scheme != "file" and not _is_host(parts.netloc):
        return f"{scheme}://{_HIDDEN}"
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}{f':{port}' if port is not None else ''}{parts.path}"


def _is_host(text: str) -> bool:
    return bool(re.fullmatch(r"(?:\[[0-9A-Fa-f:.%]+\]|[\w.-]*)(?::\d*)?", text))
