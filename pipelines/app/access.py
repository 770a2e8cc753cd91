"""Who may use the page's server: its own page, in a browser to which the user gave the address with its token.

- A request must name this machine as its host, and must not come from a page of another origin (pipelines/loopback.py).
- Whatever shows or changes photographs needs the token, which each start makes anew. The page takes it from the part of
  its address that browsers send to no server (#token=...), and sends it as a header. A page of another origin can't
  send that header, and there is no cookie, which servers on other ports of this machine would get as well.
- Answers tell the browser to run and to load nothing but the server's own files, to show the page in no frame, and to
  keep no copies.
"""

import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from pipelines.loopback import guarded

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

API = "/api/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


def new_token() -> str:
    """Make a token of 256 random bits."""
    return secrets.token_urlsafe(32)


def protected(app: "ASGIApp", port: int, token: str) -> "ASGIApp":
    """Put all checks before an application.

    Args:
        app: the application; what is below /api/ needs the token.
        port: where it listens.
        token: as `new_token` makes it.

    Returns:
        An application that answers 400 to a foreign host, 403 to a page of another origin and 401 without the token.
    """
    return _SafeHeaders(guarded(_TokenNeeded(app, token), port))


class _TokenNeeded:
    def __init__(self, app: "ASGIApp", token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode("latin-1")

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "http" and scope["path"].startswith(API):
            given = Headers(scope=scope).get("authorization", "").encode("latin-1")
            if not secrets.compare_digest(given, self._expected):
                answer = PlainTextResponse("open the page at the address that crackflow app prints", status_code=401)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _SafeHeaders:
    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        async def with_headers(message: "Message") -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)
