"""Servers on this machine that only this machine's own pages and programs may use."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

HOST = "127.0.0.1"
# the names of this machine that people type into a browser
NAMES = (HOST, "localhost")


def origins(port: int) -> list[str]:
    """The origins of the pages that a server on a port of this machine serves."""
    return [f"http://{name}:{port}" for name in NAMES]


def guarded(app: "ASGIApp", port: int) -> "ASGIApp":
    """Put a check of host and origin before a server's application.

    Args:
        app: the server's.
        port: where it listens.

    Returns:
        An application that answers 400 to a foreign host and 403 to a page of another origin.
    """
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    return TrustedHostMiddleware(_OwnPages(app, origins(port)), allowed_hosts=NAMES, www_redirect=False)


class _OwnPages:
    """Turns requests of other pages away, WebSockets included, which CORS does not cover."""

    def __init__(self, app: "ASGIApp", allowed: Sequence[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        from starlette.datastructures import Headers
        from starlette.responses import PlainTextResponse

        # programs send no origin; browsers do with all but a page's own reading
        if scope["type"] in ("http", "websocket"):
            foreign = set(Headers(scope=scope).getlist("origin")) - self._allowed
            if foreign:
                await PlainTextResponse("Origin not allowed", status_code=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)
