"""pipelines/dvc_runner/log_lines.py."""

from pipelines.dvc_runner.log_lines import LogLines


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def read(*chunks, interval=10.0):
    lines = LogLines(interval, Clock())
    return [line for chunk in chunks for line in lines.feed(chunk)] + list(lines.close())


def test_lines_are_put_together_across_chunks():
    assert read(b"one\ntw", b"o\nthr", b"ee") == ["one", "two", "three"]


def test_blank_lines_and_trailing_space_are_dropped():
    assert read(b"\n  \none  \n\n") == ["one"]


def test_a_character_cut_in_two_is_whole_again():
    assert read("Kopie \u00e4".encode()[:-1], "\u00e4".encode()[-1:] + b"\n") == ["Kopie \u00e4"]


def test_what_is_no_utf8_does_not_stop_the_log():
    assert read(b"caf\xe9\n") == ["caf\ufffd"]


def test_terminal_escapes_are_dropped():
    assert read(b"\x1b[1mbold\x1b[0m \x1b[A\n") == ["bold"]


def test_windows_line_ends_are_line_ends():
    assert read(b"one\r\ntwo\r\n") == ["one", "two"]


def test_a_bar_shows_its_first_and_its_last_state():
    # tqdm begins each state with a carriage return; all of this happens within the interval
    assert read(*(f"\r{percent}%|".encode() for percent in range(0, 101, 5)), b"\n") == ["0%|", "100%|"]


def test_a_bar_shows_a_state_now_and_then():
    clock = Clock()
    lines = LogLines(10.0, clock)
    seen = []
    for second in range(30):
        clock.now = float(second)
        seen += lines.feed(f"{second} s\r".encode())
    assert seen == ["0 s", "10 s", "20 s"]
    assert list(lines.close()) == ["29 s"]


def test_a_state_is_not_shown_twice():
    assert read(b"done\r", b"\n", b"next\n") == ["done", "next"]


def test_a_bar_that_is_wiped_leaves_its_last_state():
    # tqdm(leave=False) writes spaces over the bar
    assert read(b"\r10%", b"\r60%", b"\r90%", b"\r   \r", b"next\n") == ["10%", "next"]
