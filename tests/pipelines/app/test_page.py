"""The page of `crackflow app` in a real browser: at two widths, light and dark, by mouse and by keyboard alone."""

import csv
import http.server
import re
import threading

import pytest

from crackflow.results.millimetres import length
from tests.browser import AXE, BROWSER, browser
from tests.pipelines.app.conftest import line
from tests.pipelines.app.test_serving import Program

pytestmark = [
    pytest.mark.soak,
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine"),
]
NAME = '"><img src=x onerror=alert(1)>.png'


@pytest.fixture
def tab(tmp_path):
    with browser(tmp_path / "profile") as found:
        yield found


@pytest.fixture(scope="module")
def program(tmp_path_factory, model):
    found = Program(tmp_path_factory.mktemp("program"), model)
    yield found
    found.process.kill()
    found.process.communicate()


@pytest.fixture
def page(tab, tmp_path, program):
    """The page, empty, and files to give it: a crack, none, an odd name, and no photograph."""
    for photo in program.client.get("/api/state").json()["photos"]:
        program.client.delete(f"/api/photos/{photo['number']}")
    tab.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "downloads"))
    tab.open(f"{program.address}#token={program.client.headers['authorization'].removeprefix('Bearer ')}")
    (tmp_path / "given").mkdir()
    photos = {"road.png": line(200, 300), "bare.png": line(thick=0), NAME: line(200, 300), "bad.png": b"no picture"}
    for name, content in photos.items():
        (tmp_path / "given" / name).write_bytes(content)
    tab.given = [tmp_path / "given" / name for name in photos]
    return tab


def sent(page):
    page.choose("#files", page.given)
    page.wait(f"state.photos.length === {len(page.given)} && !busy() && !uploads && detail")
    page.wait("get('painted').naturalWidth === 300")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_and_axe_finds_nothing_serious(page, width, dark):
    address = page.run("location.origin + '/'")
    page.open(address, width, dark)
    assert page.serious() == []
    sent(page)
    assert page.serious() == []
    assert page.too_wide() <= 0
    assert page.faults == []
    # words of strangers are text
    assert page.run("[...document.querySelectorAll('#list span')].map((one) => one.textContent)") == [
        path.name for path in page.given
    ]
    assert page.run("document.querySelectorAll('#list img').length") == 0


@pytest.mark.skipif(not AXE, reason="the variable AXE_CORE names no axe.min.js")
def test_axe_says_what_is_wrong(page):
    page.wait("typeof state === 'object' && state.model")
    page.run("document.querySelector('label[for=files]').remove()")
    assert [rule for rule, *_ in page.serious()] == ["label"]


def test_the_token_is_not_in_sight_and_a_reload_keeps_it(page):
    assert page.run("location.href").endswith("/")
    sent(page)
    page.call("Page.reload")
    page.wait("typeof state === 'object' && state.photos.length === 4")
    assert page.faults == []


def test_without_the_token_it_says_what_to_do(page, program):
    page.run("sessionStorage.clear()")
    page.call("Page.reload")
    words = "get('fault').textContent === 'open the page at the address that crackflow app prints'"
    page.wait(f"document.readyState === 'complete' && {words}")
    page.choose("#files", page.given)
    page.wait(words)
    assert program.client.get("/api/state").json()["photos"] == []


def test_by_mouse_a_line_sets_the_scale(page):
    sent(page)
    page.run("get('stack').scrollIntoView()")
    left, top, wide = page.run("(({left, top, width}) => [left, top, width])(get('stack').getBoundingClientRect())")
    px = wide / 300
    page.drag((left + 50 * px, top + 20 * px), (left + 250 * px, top + 20 * px))
    assert page.run("Math.round(rulerPx())") == 200
    page.run("get('known').focus()")
    page.type("100")
    assert float(page.run("get('mm').value")) == pytest.approx(0.5, rel=0.01)
    page.run("get('set').click()")
    page.wait("state.photos[0].mm_per_px && !busy() && get('facts').textContent.includes('mm per px')")
    # the crack is 290 px long: 145 mm
    written = page.run("get('rows').rows[0].cells[1].textContent")
    assert float(written.removesuffix(" mm")) == pytest.approx(145, abs=3)
    assert page.run("state.photos[1].mm_per_px") is None
    page.run("get('set-all').click()")
    page.wait("state.photos[1].mm_per_px && !busy()")
    assert page.faults == []


SLOW = """{
  const at_once = ask;
  globalThis.held = [];
  ask = async (path, options) => {
    const answer = await at_once(path, options);
    if (path === `photos/${state.photos[1].number}/SLOW`) await new Promise((go) => held.push(go));
    return answer;
  };
}"""


@pytest.mark.parametrize("slow", ["plain", "painted"])
def test_pictures_that_come_late_are_not_shown_as_another_photograph(page, slow):
    sent(page)
    page.run(SLOW.replace("SLOW", slow))
    page.run("document.querySelector('#list li:nth-child(2) button').click()")
    page.wait("held.length")
    # the first one's lengths and scale are gone, and none can be set
    assert page.run("[get('name').textContent, get('rows').rows.length, get('set').disabled, get('stack').hidden]") == [
        "bare.png", 0, True, True,
    ]  # fmt: skip
    page.run("document.querySelector('#list li:nth-child(1) button').click()")
    page.wait("detail && !get('set').disabled && get('rows').rows.length === 1")
    page.run("held.forEach((go) => go()); new Promise((done) => setTimeout(done, 500))")
    assert page.run("[get('name').textContent, get('plain').alt, detail.name]") == [
        "road.png", "road.png as it is", "road.png",
    ]  # fmt: skip
    assert page.run("[get('plain').naturalWidth, get('painted').naturalWidth]") == [300, 300]
    assert page.faults == []


def test_lengths_under_a_microscope_are_written_as_on_the_server(page):
    for mm_per_px in (0.0005, 0.001, 0.01, 0.5, 7):
        for digits in (0, 2):
            # 2.9 and 290 px, and nothing
            for px in (2.9, 290, 0):
                mm = px * mm_per_px
                assert page.run(f"inMm({mm!r}, {digits})").replace(",", "") == length(px, mm_per_px, digits, 1).replace(
                    ",", ""
                )
    sent(page)
    page.run("get('mm').value = 0.0005; get('set').click()")
    page.wait("state.photos[0].mm_per_px && !busy() && get('facts').textContent.includes('mm per px')")
    shown = page.run("get('facts').textContent + words(state.photos[0]) + get('rows').textContent")
    # the crack is 290 px long: .145 mm
    assert "0.14" in shown
    assert not re.search(r"(?<![\d.])0(\.0+)? mm", shown), shown


def test_by_keyboard_alone(page, tmp_path):
    page.run("get('files').focus()")
    sent(page)

    def go_to(selector):
        for _ in range(60):
            if page.run(f"document.activeElement.matches({selector!r})"):
                return
            page.press("Tab")
        raise AssertionError(f"Tab does not lead to {selector}")

    go_to("#list li:nth-child(2) button")
    page.press("Enter")
    page.wait("get('name').textContent === 'bare.png' && get('more').textContent === 'No crack was found.'")
    go_to("#list li:nth-child(3) button")
    page.press(" ")
    page.wait("get('rows').rows.length === 1")
    go_to("[data-file='cracks.csv']")
    page.press("Enter")
    file = tmp_path / "downloads/cracks.csv"
    page.wait("!document.querySelector('[data-file]').disabled")
    go_to("#wipe")
    page.press("ArrowRight", 30)
    assert page.run("get('painted').style.getPropertyValue('--cut')") == "30%"
    for field, value in (("#x0", "10"), ("#y0", "0"), ("#x1", "110"), ("#y1", "0"), ("#known", "25")):
        go_to(field)
        page.type(value)
    go_to("#set")
    page.press("Enter")
    page.wait("state.photos[2].mm_per_px === 0.25")
    go_to("#scroll")
    go_to("#rows button")
    page.press("Enter")
    assert float(page.run("get('box').getAttribute('width')")) > 250
    go_to("#remove")
    page.press("Enter")
    page.wait("state.photos.length === 3 && document.activeElement.matches('#list button')")
    for _ in range(100):
        if file.is_file():
            break
        page.run("new Promise((done) => setTimeout(done, 100))")
    assert [row["photo"] for row in csv.DictReader(file.read_text().splitlines())] == ["road.png", NAME]
    assert page.faults == []


FOREIGN = """<!doctype html><body><script>
const tries = {
  read: () => fetch(API + "api/state").then((r) => r.text()),
  send: () => fetch(API + "api/photos?name=a.png", {method: "PUT", body: "x"}).then((r) => r.status),
  blind: () => fetch(API + "api/state", {mode: "no-cors"}).then((r) => "sent"),
  script: () => new Promise((good, bad) => document.body.append(Object.assign(
    document.createElement("script"), {src: API + "page.js", onload: () => good("run"), onerror: () => bad("no")}))),
  frame: () => new Promise((good, bad) => {
    const frame = Object.assign(document.createElement("iframe"), {src: API});
    frame.onload = () => { try { good(frame.contentDocument === null ? "closed" : "open"); } catch { bad("no"); } };
    document.body.append(frame);
  }),
};
let found = {};
const ready = (async () => {
  for (const [name, one] of Object.entries(tries)) found[name] = await one().catch(() => "blocked");
})();
</script>"""


def test_a_page_of_another_origin_gets_nothing(page):
    address = page.run("location.origin + '/'")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(FOREIGN.replace("API", repr(address)).encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        # another name and another port: another origin
        page.open(f"http://localhost:{server.server_address[1]}/")
        page.run("ready")
        found = page.run("found")
        server.shutdown()
    # what is blind reaches the server, which turns it away; a frame shows nothing
    assert found == {"read": "blocked", "send": "blocked", "blind": "blocked", "script": "blocked", "frame": "closed"}
    page.open(address)
    page.wait("typeof state === 'object' && state.model")
    assert page.run("state.photos.length") == 0
