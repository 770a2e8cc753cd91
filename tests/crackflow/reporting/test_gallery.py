"""The gallery's page, and the same in headless Chromium where there is one."""

import json
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from crackflow.reporting.gallery import Scored, address, gallery, write_layers
from crackflow.reporting.layers import layers
from tests.pages import Page

BROWSER = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser", "chrome"))), None
)
NODE = shutil.which("node")
SCRIPTS = Path(__file__).parents[3] / "crackflow/reporting/templates"
EVIL = "</script><script>alert(1)</script>&amp;'\"\u2028=#?%.x"
NAN = float("nan")
IMAGES = [
    Scored("b", "CFD", 0.5, 0.75, 0.6, 10, 20, True, 3.25, 0.5, False, (64, 48)),
    Scored("a", "CFD", 0.25, 0.5, 0.3, 30, 40, True, 1.5, 0.9, False, (64, 48)),
    Scored("free", "walls", 0.0, 0.0, 0.0, 5, 0, False, NAN, NAN, False, (64, 48)),
    Scored(EVIL, '"><img src=x onerror=alert(1)>', 1.0, 1.0, 1.0, 0, 0, False, NAN, NAN, True, (48, 64)),
]


def data(page):
    return json.loads(next(text for kind, text in page.scripts if kind == "application/json"))


def test_every_image_is_in_the_page_with_what_it_is_sorted_by():
    found = data(Page(gallery(IMAGES, "report")))
    rows = [dict(zip(found["fields"], row, strict=True)) for row in found["rows"]]
    assert [row["stem"] for row in rows] == ["b", "a", "free", EVIL]
    assert (rows[0]["iou"], rows[0]["width"], rows[0]["fp"], rows[0]["cracked"]) == (0.5, 3.25, 10, True)
    assert (rows[2]["width"], rows[2]["contrast"]) == (None, None)
    assert [row["size"] for row in rows] == [[64, 48]] * 3 + [[48, 64]]


def test_names_are_data_and_never_markup():
    text = gallery(IMAGES, EVIL)
    page = Page(text)
    assert page.faults == []
    assert [kind for kind, _ in page.scripts] == ["application/json", ""]
    assert len(page.pictures) == 3
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    # the stem comes whole out of the data, and the title out of the markup
    assert data(page)["rows"][3][0] == EVIL
    assert " ".join(EVIL.split()) in page.text


def test_a_thousand_images_are_a_small_page():
    many = [IMAGES[0]._replace(stem=f"CRACK500_20160328_153718_1281_{number}") for number in range(1000)]
    assert len(gallery(many, "report").encode()) < 200_000


def test_an_address_is_one_word_whatever_the_name():
    assert address("my wall #7=&") == "gallery/index.html#my%20wall%20%237%3D%26"


def test_each_picture_lies_in_the_folder_of_its_kind(tmp_path):
    image, mask = np.zeros((8, 8, 3), np.uint8), np.eye(8, dtype=np.uint8)
    files = layers(image, mask, mask, 2)
    write_layers(tmp_path, "my wall #7", files)
    assert (tmp_path / "photo/my wall #7.webp").read_bytes() == files.photo
    assert (tmp_path / "errors/my wall #7.png").read_bytes() == files.errors
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 5


@pytest.mark.skipif(NODE is None, reason="no node on this machine")
@pytest.mark.parametrize("name", ["gallery.js", "report.js"])
def test_scripts_can_be_parsed(name):
    subprocess.run([NODE, "--check", str(SCRIPTS / name)], check=True, capture_output=True, timeout=60)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
@pytest.mark.parametrize(
    ("state", "shown"),
    [
        # what is none of the choices changes nothing
        ("sort=x&kind=%22%3E", ["free", "a", "b", EVIL]),
        ("sort=best&kind=cracked", ["b", "a"]),
        ("sort=thin&thin=1&thick=3", ["a"]),
        ("kind=alarm", ["free"]),
        ("source=%3DCFD&low=0.4", ["b"]),
        (quote(EVIL, safe=""), ["free", "a", "b", EVIL]),
    ],
)
def test_the_page_sorts_filters_and_opens_an_image_without_an_error(tmp_path, state, shown):
    (tmp_path / "index.html").write_text(gallery(IMAGES, "report"), encoding="utf-8")
    image, mask = np.zeros((8, 8, 3), np.uint8), np.eye(8, dtype=np.uint8)
    for one in IMAGES:
        if "/" not in one.stem:
            write_layers(tmp_path, one.stem, layers(image, mask, mask, 2))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    page_address = f"{(tmp_path / 'index.html').as_uri()}#{state}"
    done = subprocess.run([BROWSER, *options, page_address], check=True, capture_output=True, timeout=120)
    text = done.stdout.decode()
    # the last one is the template that cards are made from
    names = [part.split("</h2>")[0] for part in text.split('<h2 class="name">')[1:-1]]
    assert [Page(f"<h1>{name}</h1>").text for name in names] == [" ".join(one.split()) for one in shown]
    assert ('<dialog id="viewer" aria-labelledby="stem" open' in text) == ("alert" in state)
    errors = [line for line in done.stderr.decode().splitlines() if "CONSOLE" in line and "ERR_FILE" not in line]
    assert errors == []
