"""The bytes of a download that have arrived, and which remote file they belong to."""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import requests
from kagglehub.integrity import get_md5_checksum_from_response

from crackflow.atomic import write_text

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass(frozen=True)
class RemoteFile:
    """What a server says about a file; None where it says nothing."""

    total: int | None
    """Bytes of the complete file."""
    etag: str | None
    md5: str | None
    """Base64, as in x-goog-hash."""

    @classmethod
    def of(cls, response: requests.Response) -> Self:
        """Read it from the headers of a response with status 200 or 206."""
        span = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        length = span[3] if span else response.headers.get("Content-Length", "")
        return cls(
            total=int(length) if length.isdecimal() else None,
            etag=response.headers.get("ETag"),
            md5=get_md5_checksum_from_response(response),
        )

    def agrees_with(self, other: "RemoteFile") -> bool:
        """Whether no value that both have differs."""
        pairs = ((self.total, other.total), (self.etag, other.etag), (self.md5, other.md5))
        return all(None in pair or pair[0] == pair[1] for pair in pairs)


class PartialFile:
    """NAME.part and NAME.part.json, from which the file NAME will be made.

    A NAME.part without a readable NAME.part.json is deleted, since nothing says which file it belongs to.
    """

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._note = target.with_name(f"{target.name}.part.json")
        self.entity = self._read_note()
        total = self.entity.total if self.entity else None
        if self.entity is None or (total is not None and self.size > total):
            self.drop()

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def complete(self) -> bool:
        """Whether all bytes that the server announced have arrived."""
        return self.entity is not None and self.entity.total is not None and self.size == self.entity.total

    def range_headers(self) -> dict[str, str]:
        """Return headers that ask for the rest if the file is still the same; none at the beginning."""
        # without the total size, nothing tells whether the rest fits
        if not self.size or self.entity is None or self.entity.total is None:
            return {}
        headers = {"Range": f"bytes={self.size}-"}
        # a weak ETag does not promise equal bytes (RFC 9110, 13.1.5)
        if self.entity.etag and not self.entity.etag.startswith("W/"):
            headers["If-Range"] = self.entity.etag
        return headers

    def continues_with(self, response: requests.Response, entity: RemoteFile) -> bool:
        """Whether the body of a 206 response is the rest of this file."""
        span = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if span is None or self.entity is None or not self.size:
            return False
        first, last, total = (int(number) for number in span.groups())
        return first == self.size and last == total - 1 and self.entity.agrees_with(entity)

    def begin(self, entity: RemoteFile) -> None:
        """Start again from the first byte."""
        self.drop()
        write_text(self._note, json.dumps(asdict(entity)))
        self.entity = entity

    def drop(self) -> None:
        """Delete what has arrived."""
        # the note is deleted last: a part without a note is deleted later, and a note without a part is harmless
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self.entity = None

    def publish(self, target: Path) -> None:
        """Give the complete file its name."""
        os.replace(self.path, target)
        self._note.unlink(missing_ok=True)

    def _read_note(self) -> RemoteFile | None:
        try:
            entity = RemoteFile(**json.loads(self._note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        types = ((entity.total, int), (entity.etag, str), (entity.md5, str))
        return entity if all(value is None or isinstance(value, kind) for value, kind in types) else None
