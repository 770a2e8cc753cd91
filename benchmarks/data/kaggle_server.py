"""Kaggle on the loopback: an API that redirects to a storage server, which misbehaves when told to.

As on Kaggle, the API answers a POST with a redirect to a signed address on another host, which serves the archive with
`x-goog-hash`, an ETag and ranges. Real HTTP on real sockets; what each side was asked is kept in `asked`.
"""

import base64
import hashlib
import io
import re
import ssl
import threading
import zipfile
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import numpy as np
from kagglesdk import kaggle_env
from PIL import Image

HANDLE = "owner/crack-set"
ROOT = "crack_segmentation_dataset"
# what signs the address that Kaggle redirects to; as secret as a password while it is valid
SIGNATURE = "c0ffee5161a7u2e"


@dataclass(frozen=True)
class Answer:
    """How one request is answered; the default is as it should be."""

    status: int = 0
    """Instead of 200 or 206, with `body`."""
    body: bytes = b"<Error>refused</Error>"
    headers: dict[str, str] = field(default_factory=dict)
    """Added to the right ones, or put in their place."""
    cut: int | None = None
    """Close the connection after this many bytes of the body."""
    hold: int | None = None
    """Send nothing more after this many bytes, and keep the connection open until the server stops."""
    silent: bool = False
    """Take the request and say nothing until the server stops."""
    pause: float = 0.0
    """Seconds after every 16 bytes."""
    ignores_range: bool = False
    chunked: bool = False
    """No Content-Length: the client learns the end by the last chunk alone."""


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    side: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def first(self) -> int:
        """The first byte asked for."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", "bytes=0-"))
        return int(found[1])


class KaggleServer:
    """Both servers; `answers` and `api_answers` are used up one a request, then all is well."""

    def __init__(self, archive: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.archive = archive
        self.answers: deque[Answer] = deque()
        self.api_answers: deque[Answer] = deque()
        self.asked: list[Asked] = []
        self.holding = threading.Event()
        self._stopped = threading.Event()
        self._storage = _serve("127.0.0.1", _Storage, self)
        self._api = _serve("localhost", _Api, self, tls)
        self.endpoint = f"http://localhost:{self._api.server_port}"
        self.storage_address = f"http://127.0.0.1:{self._storage.server_port}/bundle.zip?X-Goog-Signature={SIGNATURE}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for server in (self._api, self._storage):
            server.shutdown()
            server.server_close()

    def downloads(self) -> list[Asked]:
        """What the storage was asked for."""
        return [asked for asked in self.asked if asked.side == "storage"]

    def wait_stopped(self, seconds: float = 60) -> bool:
        """Wait until the server stops, at most so long; whether it has."""
        return self._stopped.wait(seconds)

    def hold(self) -> None:
        """Say by `holding` that a request is held, and hold it until the server stops."""
        self.holding.set()
        self.wait_stopped()


def redirect_to(endpoint: str) -> None:
    """Point kagglehub at a server: its sdk's table of endpoints is the only seam; KAGGLE_API_ENVIRONMENT=LOCALHOST."""
    kaggle_env._env_to_endpoint[kaggle_env.KaggleEnv.LOCAL] = endpoint  # noqa: SLF001


def made_archive(pairs: int = 12, seed: int = 0) -> bytes:
    """A zip in Kaggle's layout: all pairs in images/ and masks/, and each once more in train/ or test/."""
    rng = np.random.default_rng(seed)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        for index in range(pairs):
            # JPEG squeezed noise still has JPEG's ringing in its masks, as on Kaggle
            stem = f"CFD_{index:03d}.jpg" if index % 3 else f"CRACK500_2016_{index}_1"
            side = 8 + index % 9
            image = rng.integers(0, 256, (side, side, 3)).astype(np.uint8)
            mask = np.where(np.arange(side) == side // 2, 255, 0).astype(np.uint8) * np.ones((side, 1), np.uint8)
            for folder in ("", "test/" if index % 4 == 0 else "train/"):
                for kind, pixels in (("images", image), ("masks", mask)):
                    jpeg = io.BytesIO()
                    Image.fromarray(pixels).save(jpeg, "JPEG", quality=90)
                    made.writestr(f"{ROOT}/{folder}{kind}/{stem}.jpg", jpeg.getvalue())
    return content.getvalue()


def md5_header(content: bytes) -> str:
    """x-goog-hash as Google's storage writes it."""
    return "crc32c=AAAAAA==,md5=" + base64.b64encode(hashlib.md5(content).digest()).decode()  # noqa: S324


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that goes away in the middle is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kaggle: KaggleServer

    def log_message(self, *_: object) -> None:
        pass

    def note(self, side: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.kaggle.asked.append(Asked(side, self.path, headers, body))

    def reply(self, status: int, headers: dict[str, str], body: bytes, answer: Answer) -> None:
        if answer.silent:
            self.kaggle.hold()
            self.close_connection = True
            return
        self.send_response(status)
        length = {"Transfer-Encoding": "chunked"} if answer.chunked else {"Content-Length": str(len(body))}
        for name, value in {**length, **headers, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self._send(body, answer)
        except OSError:
            self.close_connection = True

    def _send(self, body: bytes, answer: Answer) -> None:
        end = min(len(body) if stop is None else stop for stop in (answer.cut, answer.hold))
        step = 16 if answer.pause else 4096
        for start in range(0, end, step):
            piece = body[start : min(start + step, end)]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if answer.chunked else piece)
            if answer.pause and self.kaggle.wait_stopped(answer.pause):
                break
        if answer.hold is not None:
            self.kaggle.hold()
        elif answer.chunked and answer.cut is None:
            self.wfile.write(b"0\r\n\r\n")
        if answer.cut is not None or answer.hold is not None:
            self.close_connection = True


class _Api(_Handler):
    def do_POST(self) -> None:
        self.note("api")
        answer = self.kaggle.api_answers.popleft() if self.kaggle.api_answers else Answer()
        if answer.status:
            self.reply(answer.status, {"Content-Type": "application/json"}, answer.body, answer)
        else:
            self.reply(302, {"Location": self.kaggle.storage_address}, b"", answer)


class _Storage(_Handler):
    def do_GET(self) -> None:
        self.note("storage")
        answer = self.kaggle.answers.popleft() if self.kaggle.answers else Answer()
        content = self.kaggle.archive
        etag = f'"{hashlib.md5(content).hexdigest()}"'  # noqa: S324
        headers = {
            "Content-Type": "application/zip",
            "Accept-Ranges": "bytes",
            "ETag": etag,
            "x-goog-hash": md5_header(content),
        }
        if answer.status:
            self.reply(answer.status, {"Content-Type": "application/xml"}, answer.body, answer)
            return
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None or answer.ignores_range or self.headers.get("If-Range", etag) != etag:
            self.reply(200, headers, content, answer)
        elif int(asked[1]) >= len(content):
            self.reply(416, {"Content-Range": f"bytes */{len(content)}"}, b"", answer)
        else:
            first = int(asked[1])
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            self.reply(206, headers, content[first:], answer)


def _serve(
    host: str, handler: type[_Handler], kaggle: KaggleServer, tls: ssl.SSLContext | None = None
) -> ThreadingHTTPServer:
    server = _Server((host, 0), type(handler.__name__, (handler,), {"kaggle": kaggle}))
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server
