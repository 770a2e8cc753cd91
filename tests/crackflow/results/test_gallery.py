"""crackflow/results/gallery.py, and the page in headless Chromium where there is one."""

import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from crackflow.geometry.cracks import CrackNetwork, WidthSummary
from crackflow.results.gallery import gallery
from tests.browser import BROWSER, browser
from tests.crackflow.results.conftest import made_crack

EVIL = '"><script>alert(1)</script>&#39;.jpg'


class Page(HTMLParser):
    """Collects the cards' attributes, every address that the page names, and its text."""

    def __init__(self, content):
        super().__init__()
        self.cards, self.addresses, self.text, self.scripts = [], [], "", 0
        self.feed(content.decode())

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.scripts += tag == "script"
        self.addresses += [values[name] for name in ("src", "href") if name in values]
        if values.get("class") == "card":
            self.cards.append(values)

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def run(made_run, empty):
    wide = made_crack(1, [(1, 1), (2, 1)], 9.0, width_class="wide", length_px=3.0)
    networks = {"b.jpg": CrackNetwork((wide,), 3.0, 0.1, 0, 0.5, (12, 8)), "c d#?%.jpg": empty}
    return made_run("a.jpg", "b.jpg", "c d#?%.jpg", EVIL, networks=networks, skipped=[("<i>.jpg", "why <b>")])


def test_a_card_for_each_photograph_with_what_it_is_sorted_by(run):
    page = Page(gallery(run))
    assert [card["data-name"] for card in page.cards] == ["a.jpg", "b.jpg", "c d#?%.jpg", EVIL]
    assert [card["data-class"] for card in page.cards] == ["hairline", "wide", "none", "hairline"]
    assert [float(card["data-width"]) for card in page.cards] == [1.5, 9.5, 0.0, 1.5]
    assert [float(card["data-length"]) for card in page.cards] == [6.5, 3.0, 0.0, 6.5]


def test_the_width_beside_a_class_is_the_one_that_the_class_goes_by(made_run):
    """A medium crack with one wide place, and a wide one without: the photograph is wide, by 2.2 px."""
    medium = made_crack(1, [(1, 1), (2, 1)], 1.0, width_class="medium", optical_width_px=WidthSummary(1, 1, 1.9, 2.6))
    wide = made_crack(2, [(1, 5), (2, 5)], 1.0, width_class="wide", optical_width_px=WidthSummary(2, 2, 2.2, 2.4))
    network = CrackNetwork((medium, wide), 30.0, 0.1, 0, 0.5, (12, 8))
    text = " ".join(Page(gallery(made_run("a.jpg", networks={"a.jpg": network}))).text.split())
    assert "wide, 2.2 px wide, at most 2.6 px 2 cracks" in text


def test_names_are_text_and_never_markup(run):
    content = gallery(run)
    assert b"<script>alert" not in content
    assert Page(content).scripts == 1
    assert Page(content).cards[2]["data-overlay"] == "overlays/c%20d%23%3F%25.png"
    assert b"<i>.jpg" not in content
    assert "<i>.jpg: why <b>" in Page(content).text


def test_it_needs_nothing_from_a_network(run):
    addresses = Page(gallery(run)).addresses
    assert any(address.startswith("data:image/jpeg;base64,") for address in addresses)
    assert not [address for address in addresses if re.match(r"(?!data:)[a-z]+:|//", address)]


def test_pictures_of_many_photographs_are_linked(run, monkeypatch):
    monkeypatch.setattr("crackflow.results.gallery.MOST_EMBEDDED", 3)
    assert "thumbnails/c%20d%23%3F%25.jpg" in Page(gallery(run)).addresses


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
@pytest.mark.parametrize(
    ("state", "shown"),
    [
        # what is none of the choices changes nothing; a photograph is opened
        ("class=%22%3E&sort=x&photo=b.jpg", ["a.jpg", "b.jpg", "c d#?%.jpg", EVIL]),
        ("sort=width", ["b.jpg", "a.jpg", EVIL, "c d#?%.jpg"]),
        ("class=hairline&sort=length&find=A.J", ["a.jpg"]),
    ],
)
def test_the_page_filters_and_sorts_without_an_error(run, tmp_path, state, shown):
    (tmp_path / "index.html").write_bytes(gallery(run))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    address = f"{(tmp_path / 'index.html').as_uri()}#{state}"
    done = subprocess.run([BROWSER, *options, address], check=True, capture_output=True, timeout=120)
    cards = Page(done.stdout).cards
    assert [card["data-name"] for card in cards if "hidden" not in card] == shown
    assert f"{len(shown)} of 4 shown" in Page(done.stdout).text
    assert b"CONSOLE" not in done.stderr


@pytest.fixture
def opened(made_run, empty, tmp_path):
    """A browser, and the address of a gallery with its pictures; the second photograph has 60 cracks."""
    wide = [made_crack(number, [(1, 1), (2, 1)], 2.0, width_class="wide") for number in range(1, 61)]
    networks = {"b.jpg": CrackNetwork(tuple(wide), 300.0, 0.1, 0, 0.5, (12, 8)), "c d#?%.jpg": empty}
    made = made_run("a.jpg", "b.jpg", "c d#?%.jpg", networks=networks, mm_per_px=0.5, skipped=[("<i>.jpg", "why <b>")])
    picture = np.full((300, 400, 3), 120, np.uint8)
    for name in ("a", "b", "c d#?%"):
        for kind in ("overlays", "masks"):
            (tmp_path / kind).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / kind / f"{name}.png"), picture)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    (tmp_path / "index.html").write_bytes(gallery(replace(made, thumbnail=lambda _: jpeg)))
    with browser(tmp_path / "profile") as tab:
        yield tab, (tmp_path / "index.html").as_uri()


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_and_axe_finds_nothing_serious(opened, width, dark):
    tab, address = opened
    tab.open(address, width, dark)
    assert tab.serious() == []
    assert tab.too_wide() <= 0
    tab.run("cards[1].querySelector('.open').click()")
    tab.wait("viewer.open && get('big').naturalWidth === 400")
    assert tab.serious() == []
    assert tab.too_wide() <= 0
    assert tab.faults == []


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_the_page_by_keyboard_alone(opened):
    tab, address = opened
    tab.open(address)
    focused = "document.activeElement.closest('.card')?.dataset.name"
    for _ in range(20):
        tab.press("Tab")
        if tab.run(focused):
            break
    assert tab.run(focused) == "a.jpg"
    tab.press("ArrowRight")
    assert tab.run(focused) == "b.jpg"
    tab.press("Enter")
    tab.wait("viewer.open")
    assert tab.run("get('title').textContent") == "b.jpg"
    assert tab.run("get('more').querySelectorAll('tbody tr').length") == 50
    tab.press("m")
    assert tab.run("get('big').src").endswith("/masks/b.png")
    tab.press("ArrowRight")
    assert tab.run("[get('title').textContent, get('big').alt]") == ["c d#?%.jpg", "Cracks marked of c d#?%.jpg"]
    tab.wait("get('big').naturalWidth === 400")
    tab.press("Escape")
    tab.wait("!viewer.open")
    assert tab.run(focused) == "c d#?%.jpg"
    tab.press("/")
    tab.type("b.j")
    assert tab.run("get('shown').textContent") == "1 of 3 shown"
    assert tab.faults == []
