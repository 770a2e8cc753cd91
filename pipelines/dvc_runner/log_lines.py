"""Turn what a stage prints, progress bars included, into lines for a log."""

import codecs
import re
import time
from collections.abc import Callable, Iterator

# A bar redraws itself many times a second; a log gets its state this often.
BAR_INTERVAL_S = 15.0

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BREAKS = re.compile(r"([\r\n])")


class LogLines:
    """Split a stream of bytes into lines as they come.

    Text that ends in a newline is a line. Text that ends in a carriage return is one state of a progress bar: its last
    state is always given, those before at most once every `bar_interval_s`. Blank lines and terminal escapes are
    dropped.
    """

    def __init__(self, bar_interval_s: float = BAR_INTERVAL_S, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with nothing read.

        Args:
            bar_interval_s: seconds between two states of a bar.
            clock: gives the time, s.
        """
        self._interval = bar_interval_s
        self._clock = clock
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._text = ""
        self._state = ""
        self._next_state_at = float("-inf")

    def feed(self, data: bytes) -> Iterator[str]:
        """Take more bytes; give the lines that they complete."""
        self._text += self._decode(data)
        *parts, self._text = _BREAKS.split(self._text)
        for text, end in zip(parts[::2], parts[1::2], strict=True):
            self._state = _clean(text) or self._state
            if end == "\n":
                yield from self.flush()
            elif self._state and self._clock() >= self._next_state_at:
                self._next_state_at = self._clock() + self._interval
                yield from self.flush()

    def flush(self) -> Iterator[str]:
        """Give the last line or the last state of a bar, where it had no newline."""
        self._state, last = "", self._state
        if last:
            yield last

    def close(self) -> Iterator[str]:
        """Give what is left when the stream has ended."""
        yield from self.feed(b"\n")


def _clean(text: str) -> str:
    return _ESCAPES.sub("", text).rstrip()
