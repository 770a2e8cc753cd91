"""Proxies of the environment that Prefect's client can't use, such as socks://.

The client fails when it finds one, even where its server is on this machine and needs no proxy. Desktops set
ALL_PROXY=socks://... for all programs, so it is taken out of this process. Git, DVC and the stages get it back
(tasks/environment.py).
"""

import os
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from crackflow.errors import CrackflowError, one_line
from pipelines.redaction import redacted
from tasks.environment import LOOPBACK, set_aside

EXAMPLE = "http://127.0.0.1:4200/api"
SCHEMES = ("http", "https", "all")


class ProxyError(CrackflowError):
    """A server can't be asked: its address is none, or it is behind a proxy that can't be used."""


def configured() -> dict[str, str]:
    """The variables of the environment that name a proxy, with their values; each proxy once."""
    found: dict[str, str] = {}
    for scheme in SCHEMES:
        # the lower case wins in all programs that know both
        names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
        name = next((name for name in names if os.environ.get(name)), None)
        if name:
            found[name] = os.environ[name]
    return found


def unusable(proxy: str) -> str:
    """Say why Prefect's client can't use a proxy; "" where it can, which does not mean that it answers."""
    import httpx

    try:
        httpx.HTTPTransport(proxy=httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")).close()
    except ImportError:
        return "it needs the package socksio"
    except (ValueError, httpx.InvalidURL) as error:
        return redacted(one_line(error))
    return ""


def needed_for(name: str, address: str | None) -> bool:
    """Whether a server is asked through the proxy that a variable names."""
    parts = urlsplit(address or "")
    host = parts.hostname or LOOPBACK[0]
    return name.lower() in (f"{parts.scheme}_proxy", "all_proxy") and host not in LOOPBACK and not proxy_bypass(host)


def prepare_for(address: str | None) -> None:
    """Check a server's address, and hide the proxies that Prefect's client can't use from this process.

    Args:
        address: of the Prefect server that will be asked; None for one on this machine.

    Raises:
        ProxyError: when the address is none, or that server can only be reached through one of them.
    """
    if address is not None and not is_address(address):
        raise ProxyError(f"PREFECT_API_URL is {redacted(address)}; expected an address such as {EXAMPLE}")
    # a name in both cases: behind the one that is taken away the other appears
    while bad := {name: reason for name, proxy in configured().items() if (reason := unusable(proxy))}:
        for name, reason in bad.items():
            if needed_for(name, address):
                raise ProxyError(complaint(name, reason, address))
            set_aside(name)


def is_address(address: str) -> bool:
    """Whether Prefect's client can ask there."""
    import httpx

    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(url.host)


def complaint(name: str, reason: str, address: str | None) -> str:
    """Say in one line that a server can't be reached through a proxy, and what to do."""
    return (
        f"Prefect can't ask {redacted(address)} through {name}={redacted(os.environ[name])} ({reason}); name a "
        "proxy that speaks HTTP, or pip install 'httpx[socks]' for one that speaks SOCKS 5, or add the server's name "
        "to NO_PROXY"
    )
