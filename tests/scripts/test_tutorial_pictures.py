"""scripts/tutorial_pictures.py, with a browser of a few lines that paints where a real one would."""

import re
import sys

import numpy as np
import pytest
from PIL import Image

from scripts import tutorial_pictures

PAGES = ("reports/index.html", "reports/gallery/index.html", "marked/index.html", "compare.html")
BROWSER = """#!{python}
import sys
from PIL import Image
[file] = [one.partition("=")[2] for one in sys.argv if one.startswith("--screenshot=")]
[size] = [one.partition("=")[2] for one in sys.argv if one.startswith("--window-size=")]
Image.effect_noise(tuple(map(int, size.split(","))), 80).convert("RGB").save(file)
print(sys.argv[-1], file=open({log!r}, "a"))
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    root = tmp_path / "checkout"
    for page in PAGES:
        (root / page).parent.mkdir(parents=True, exist_ok=True)
        (root / page).write_text("<h1>page</h1>")
    (root / "params.yaml").write_text("data: {source: sample}\n")
    rows = ["free,1,0,0", "a,0.2,5,5", "b c,0.5,5,5", "d,0.9,5,5"]
    (root / "reports/per_image.csv").write_text("\n".join(["stem,iou,tp,fn", *rows]) + "\n")
    monkeypatch.setattr(tutorial_pictures, "FOLDER", tmp_path)
    return root


@pytest.fixture
def browser(tmp_path):
    path = tmp_path / "browser"
    path.write_text(BROWSER.format(python=sys.executable, log=str(tmp_path / "log")))
    path.chmod(0o755)
    return path


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["pictures", *map(str, arguments)])
    return tutorial_pictures.main()


def test_each_page_becomes_a_small_picture(checkout, browser, tmp_path, monkeypatch):
    assert run(monkeypatch, checkout, "--browser", browser) == 0
    shown = re.findall(r"checkout/(\S+)", (tmp_path / "log").read_text())
    # the median of the three images with cracks
    assert shown == [PAGES[0], f"{PAGES[1]}#b%20c", *PAGES[2:]]
    for name in ("report", "gallery", "marked", "compare"):
        with Image.open(tmp_path / f"tutorial-{name}.png") as picture:
            assert picture.size == tutorial_pictures.SIZE
            assert len(np.unique(np.asarray(picture))) <= tutorial_pictures.COLOURS


def test_only_the_sample_is_shown(checkout, browser, tmp_path, monkeypatch, capsys):
    (checkout / "params.yaml").write_text("data: {source: folder}\n")
    assert run(monkeypatch, checkout, "--browser", browser) == 2
    assert "is folder, expected sample" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.png"))


def test_what_is_absent_is_said(checkout, browser, monkeypatch, capsys):
    (checkout / "compare.html").unlink()
    assert run(monkeypatch, checkout, "--browser", browser) == 2
    assert "has no compare.html; do there what docs/tutorial says" in capsys.readouterr().err


def test_a_browser_that_makes_no_picture_is_told(checkout, monkeypatch):
    with pytest.raises(SystemExit, match=r"made no picture of file:///.*; it said: "):
        run(monkeypatch, checkout, "--browser", sys.executable)
