import io
import json
from dataclasses import replace

from rich.console import Console

from pipelines.comparing.compared import compare
from pipelines.comparing.pictures import Shown
from pipelines.comparing.shown import MARKER, as_html, as_json, as_markdown, as_terminal
from pipelines.comparing.side import find

HOSTILE = "<img src=x onerror=alert(1)>"


def compared(repository, old="main", new="better"):
    return compare(find(repository.root, old), find(repository.root, new))


def text_of(found):
    out = io.StringIO()
    Console(file=out, width=200).print(as_terminal(found))
    return out.getvalue()


def test_markdown(repository):
    old, new = (repository.git("rev-parse", name)[:10] for name in ("main", "better"))
    lines = as_markdown(compared(repository)).splitlines()
    assert lines[:3] == [MARKER, "", f"### Crack figures: {new} against {old}"]
    assert "| `train.epochs` | `4` | `8` |" in lines
    assert "| `data.include` | `['*']` | `[a\\|*, b]` |" in lines
    [row] = [line for line in lines if line.startswith("| pooled IoU ")]
    assert row.startswith("| pooled IoU | 0.432 | 0.818 | +0.386 | -0.")
    assert row.endswith(" | not told apart |")
    assert "| `c` | y | 0.000 | 1.000 |" in lines


def test_what_changed_in_the_data_comes_before_the_verdict(repository):
    found = replace(compared(repository), data=("the test set differs: 12 images in, 3 out",), caveats=("so it is",))
    for text in (as_markdown(found), text_of(found), as_html(found, [], "")):
        at = text.lower().index("the test set differs: 12 images in, 3 out.")
        assert at < text.index("Not told apart: pooled IoU 0.432")
        assert "so it is." in text.lower()


def test_names_of_strangers_are_no_markup_and_move_no_cursor(repository):
    found = compared(repository)
    hostile = replace(found, gained=(replace(found.gained[0], stem="\x1b[2Ja", source="@me <b>"),))
    assert "\x1b[2J" not in text_of(hostile)
    assert "@me" not in as_markdown(hostile)
    assert "<b>" not in as_markdown(hostile).replace("\\<b\\>", "")


def test_the_terminal(repository):
    text = text_of(compared(repository))
    assert "train.epochs" in text
    assert "pooled IoU" in text
    assert "not told apart" in text


def test_nothing_changed(repository):
    found = compared(repository, "better", "better")
    for text in (as_markdown(found), text_of(found), as_html(found, [], "")):
        assert "No parameter changed." in text
        assert f"No figure of the crack class differs from {found.old}." in text


def test_json(repository):
    found = json.loads(as_json(compared(repository)))
    assert found["outcome"] == "not told apart"
    assert found["params"][0] == ["train.epochs", "4", "8"]
    assert found["gained"][0] == {"stem": "c", "source": "y", "old": 0.0, "new": 1.0}


def test_html_trusts_no_name(repository):
    found = compared(repository)
    image = replace(found.gained[0], stem=HOSTILE, source=HOSTILE)
    page = as_html(replace(found, new=HOSTILE), [Shown(image, True, "data:,1", "data:,2", "data:,3")], "why & how")
    assert HOSTILE not in page
    assert page.count("&lt;img src=x") >= 4
    assert 'src="data:,2"' in page
    assert "<h2>Better</h2>" in page
    assert "<h2>Worse</h2>" not in page
    assert "Some pictures are not here: why &amp; how." in page
