"""pipelines/app/routes.py, worker.py and results.py: what the page can do, with a small network."""

import asyncio
import csv
import io
import json
import struct
import threading
import zipfile
import zlib

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from pipelines.app import results
from pipelines.app import shelf as shelf_module
from pipelines.app.shelf import Limits
from pipelines.cli import app as command_line
from tests.pipelines.app.conftest import PORT, TOKEN, line


class Red:
    """P(crack) = 1 - red / 256; it waits for `go`, and fails when told to."""

    input_shape, output_shape = (None, 32, 32, 3), (None, 32, 32, 2)

    def __init__(self):
        self.go, self.fail, self.called = threading.Event(), None, threading.Event()

    def predict_on_batch(self, x):
        self.called.set()
        assert self.go.wait(60)
        if self.fail is not None:
            raise self.fail
        crack = 1 - x[..., :1] / np.float32(256)
        return np.concatenate([1 - crack, crack], axis=-1)


def table(answer):
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_the_page_gets_what_crackflow_predict_writes(served, model, tmp_path, monkeypatch):
    photos = {"small.png": line(20, 30), "large.png": line(), "empty.png": line(thick=0)}
    (tmp_path / "photos").mkdir()
    for name, content in photos.items():
        (tmp_path / "photos" / name).write_bytes(content)
        served.send(name, content)
    found = served.settled()
    monkeypatch.chdir(tmp_path)
    words = ["predict", "photos", "--out", "out", "--model", str(model)]
    assert CliRunner().invoke(command_line, words).exit_code == 0
    with zipfile.ZipFile(io.BytesIO(served.client.get("/api/download/results.zip").content)) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    kinds = ("masks", "overlays", "thumbnails")
    written = {}
    for kind in kinds:
        for path in (tmp_path / "out" / kind).iterdir():
            written[f"{kind}/{path.name}"] = path.read_bytes()
    assert len(written) == 9
    assert {name: held.get(name) for name in written} == written
    assert set(held) - set(written) == {"cracks.csv", "summary.csv", "results.json", "index.html"}
    for name in ("cracks.csv", "summary.csv"):
        alone = served.client.get(f"/api/download/{name}").content
        assert alone == held[name]
        # predict goes through a folder by name, the page in the order of sending
        assert sorted(alone.splitlines()) == sorted((tmp_path / "out" / name).read_bytes().splitlines())
    assert [found[name]["status"] for name in photos] == ["cracked", "cracked", "empty"]
    assert found["large.png"]["cracks"] == 1


def test_a_photograph_its_pictures_and_its_cracks(served):
    number = served.send("road.png", line(40, 60))["number"]
    served.settled()
    found = served.client.get(f"/api/photos/{number}").json()
    assert (found["name"], found["photo_width_px"], found["photo_height_px"]) == ("road.png", 60, 40)
    (crack,) = found["rows"]
    # 50 px long less about half its width at each end, 3 px wide
    assert crack["length_px"] == pytest.approx(49, abs=2)
    assert crack["mask_width_median_px"] == pytest.approx(3, abs=1)
    assert (found["more"], crack["length_mm"]) == (0, None)
    shapes = {}
    for name in ("plain", "painted", "mask", "overlay"):
        answer = served.client.get(f"/api/photos/{number}/{name}")
        shapes[name] = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED).shape
    assert shapes == {"plain": (40, 60, 3), "painted": (40, 60, 3), "mask": (40, 60), "overlay": (40, 60, 3)}
    plain, painted = (served.client.get(f"/api/photos/{number}/{name}").content for name in ("plain", "painted"))
    assert plain != painted
    for path in ("nothing", "..%2fmasks%2f1.png", "probability"):
        assert served.client.get(f"/api/photos/{number}/{path}").status_code in (404, 400)


def test_a_scale_measures_again_in_mm_without_the_network(make):
    network = Red()
    network.go.set()
    served = make(network)
    number = served.send("road.png", line())["number"]
    before = served.settled()["road.png"]
    network.called.clear()
    answer = served.client.put(f"/api/photos/{number}/scale", json={"mm_per_px": 0.5})
    assert answer.json()["wanted_mm_per_px"] == 0.5
    after = served.settled()["road.png"]
    assert not network.called.is_set()
    assert (after["mm_per_px"], after["scale_origin"]) == (0.5, "as set in the page")
    assert after["total_length_px"] == before["total_length_px"]
    assert after["total_length_mm"] == pytest.approx(before["total_length_px"] / 2, abs=0.01)
    # 3 px are medium or wide by px, and 1.5 mm medium by BRE and ACI
    assert after["width_class"] == "medium"
    (row,) = table(served.client.get("/api/download/cracks.csv"))
    assert float(row["length_mm"]) == pytest.approx(float(row["length_px"]) / 2, abs=0.01)
    served.client.put(f"/api/photos/{number}/scale", json={"mm_per_px": None})
    assert served.settled()["road.png"] == before


def test_a_scale_that_is_set_while_the_network_looks_holds(make):
    served = make(network := Red())
    number = served.send("road.png", line())["number"]
    assert network.called.wait(60)
    served.client.put(f"/api/photos/{number}/scale", json={"mm_per_px": 2})
    network.go.set()
    assert served.settled()["road.png"]["mm_per_px"] == 2


def test_a_zip_is_of_one_scale_though_another_is_set_while_it_is_written(served, monkeypatch):
    number = served.send("road.png", line())["number"]
    served.settled()
    run, calls = results.ResultFiles.run, []

    def later(self, items):
        calls.append(items)
        # pictures are copied, tables are to come
        if sorted(path.suffix for path in (served.folder / "downloads").iterdir()) == [".zip"]:
            served.client.put(f"/api/photos/{number}/scale", json={"mm_per_px": 2})
            assert served.settled()["road.png"]["mm_per_px"] == 2
        return run(self, items)

    with monkeypatch.context() as patched:
        patched.setattr(results.ResultFiles, "run", later)
        answer = served.client.get("/api/download/results.zip")
    assert calls
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/json")
    assert answer.json()["error"] == "a photograph was measured again meanwhile; download again"
    assert not list((served.folder / "downloads").iterdir())
    assert served.client.get("/api/download/results.zip").status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"mm_per_px": "1"}', b'{"mm_per_px": 0}', b'{"mm_per_px": -1}', b'{"mm_per_px": NaN}',
             b'{"mm_per_px": 1e999}', b'{"mm_per_px": true}', b"[" * 900, b"\xff"]
)  # fmt: skip
def test_a_scale_that_is_none_is_rejected(served, body):
    number = served.send("road.png", line())["number"]
    answer = served.client.put(f"/api/photos/{number}/scale", content=body)
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        "expected mm for a pixel, a number from 1e-06 to 1e+07; correct it",
    )
    assert served.client.put(f"/api/photos/{number}/scale", content=b" " * 2000).status_code == 413


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side):
    """A PNG of side x side white pixels, some KiB of file."""
    rows = zlib.compress((b"\0" + b"\xff" * (side // 8)) * side, 9)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_what_is_no_photograph_fails_with_its_reason_and_the_others_are_done(served):
    served.send("page.jpg", b"<script>alert(1)</script>" * 10)
    served.send("cut.png", line()[:-40])
    served.send("bomb.png", bomb(16_000))
    served.send("road.png", line())
    served.send("empty.png", b"", expected=400)
    found = served.settled()
    assert {name: one["state"] for name, one in found.items()} == {
        "page.jpg": "failed", "cut.png": "failed", "bomb.png": "failed", "road.png": "done"
    }  # fmt: skip
    assert "256.0 megapixels" in found["bomb.png"]["reason"]
    assert all(name in one["reason"] for name, one in found.items() if name != "road.png")
    rows = table(served.client.get("/api/download/summary.csv"))
    assert [(row["photo"], row["status"]) for row in rows] == [
        ("road.png", "cracked"), ("page.jpg", "skipped"), ("cut.png", "skipped"), ("bomb.png", "skipped")
    ]  # fmt: skip


def test_a_script_in_a_name_stays_a_name(served):
    name = '<img src=x onerror="alert(1)">=.png'
    number = served.send(name, line())["number"]
    served.settled()
    assert served.client.get(f"/api/photos/{number}").headers["content-type"] == "application/json"
    assert served.client.get(f"/api/photos/{number}").json()["name"] == name
    with zipfile.ZipFile(io.BytesIO(served.client.get("/api/download/results.zip").content)) as archive:
        assert not any(set(one) & set('<>"\\:') or ".." in one for one in archive.namelist())
        page = archive.read("index.html").decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    served.send("=cmd|calc!A0.png", line())
    served.settled()
    assert {row["photo"] for row in table(served.client.get("/api/download/summary.csv"))} == {
        name, "'=cmd|calc!A0.png"
    }  # fmt: skip


def test_a_path_in_a_name_leads_nowhere(served):
    for name in ("../../x.png", "..\\x.png", "/etc/x.png", "a/../../x.png", "%2e%2e/x.png"):
        served.send(name, line(), expected=400)
    assert served.files() == []
    # and none in the address of a request
    for path in ("/../pyproject.toml", "/static/page.html", "/api/download/..%2f..%2fsecret", "/api/download/x.zip"):
        assert served.client.get(path).status_code == 404


def test_removing_leaves_no_file(served):
    number = served.send("road.png", line())["number"]
    served.settled()
    assert served.client.get("/api/download/results.zip").status_code == 200
    assert len(served.files()) == 7
    assert served.client.delete(f"/api/photos/{number}").status_code == 204
    assert served.files() == []
    assert served.state()["photos"] == []
    for method in ("GET", "DELETE"):
        assert served.client.request(method, f"/api/photos/{number}").status_code == 404


def test_removing_while_the_network_looks_leaves_no_file(make):
    served = make(network := Red())
    numbers = [served.send(name, line())["number"] for name in ("a.png", "b.png")]
    assert network.called.wait(60)
    for number in numbers:
        assert served.client.delete(f"/api/photos/{number}").status_code == 204
    network.go.set()
    served.send("c.png", line())
    assert list(served.settled()) == ["c.png"]
    assert not [name for name in served.files() if "/3" not in name]


def test_results_that_can_not_be_written_fail_their_photograph(make, monkeypatch):
    served = make()

    def full(*_):
        raise OSError(28, "No space left on device", "results/1.png")

    with monkeypatch.context() as patched:
        patched.setattr(results, "write_bytes", full)
        served.send("a.png", line())
        assert "No space left on device" in served.settled()["a.png"]["reason"]
    served.send("b.png", line())
    assert served.settled()["b.png"]["state"] == "done"


@pytest.mark.parametrize(
    "path",
    [
        "/api/photos/0", "/api/photos/-1", "/api/photos/99999999999999999999999", "/api/photos/1e3", "/api/photos/%00",
        "/api/photos/1/plain/", "/api/photos/\u0661", "/api/download/", "/api/download/%2e%2e", "/api", "/api/",
    ],
)  # fmt: skip
def test_an_odd_address_is_not_found(served, path):
    assert served.client.get(path).status_code in (404, 405)


@pytest.mark.parametrize("length", ["-1", "x", "\u00b2", "9" * 5000, "1e3", ""])
def test_an_odd_length_does_not_count(served, length):
    headers = {"content-length": length.encode("latin-1")}
    answer = served.client.put("/api/photos", params={"name": "a.png"}, content=line(), headers=headers)
    assert answer.status_code == 201


def test_one_waits_no_longer_where_the_next_one_was_removed(make):
    """Small ones wait for others, to be looked at together."""
    served = make(network := Red())
    served.send("first.png", line())
    assert network.called.wait(60)
    served.send("small.png", line(20, 30))
    gone = served.send("gone.png", line(20, 30))["number"]
    served.client.delete(f"/api/photos/{gone}")
    network.go.set()
    assert [one["state"] for one in served.settled().values()] == ["done", "done"]


def test_nothing_is_downloaded_before_all_is_done(make):
    served = make(network := Red())
    served.send("a.png", line())
    for name in ("cracks.csv", "results.zip"):
        answer = served.client.get(f"/api/download/{name}")
        assert (answer.status_code, "1 of 1 photographs are not done yet" in answer.json()["error"]) == (409, True)
    network.go.set()
    served.settled()
    assert served.client.get("/api/download/results.zip").status_code == 200


def test_a_defect_fails_its_photograph_and_the_next_one_is_done(make, capsys):
    served = make(network := Red())
    network.fail = RuntimeError("odd\nsecond line")
    network.go.set()
    served.send("a.png", line())
    assert served.settled()["a.png"]["reason"].startswith("crackflow failed: ")
    assert "RuntimeError: odd" in capsys.readouterr().err
    network.fail = None
    served.send("b.png", line())
    assert served.settled()["b.png"]["state"] == "done"


def test_the_limits_hold_while_bytes_come(make, monkeypatch):
    monkeypatch.setattr(shelf_module, "MIB", 1000)
    served = make(limits=Limits(photographs=2, mib_each=2, mib_all=3))

    def endless():
        for _ in range(100):
            yield b"x" * 100

    answer = served.client.put("/api/photos", params={"name": "a.png"}, content=endless())
    assert (answer.status_code, "larger than 2 MiB" in answer.json()["error"]) == (413, True)
    answer = served.client.put("/api/photos", params={"name": "a.png"}, content=b"x" * 2001)
    assert answer.status_code == 413
    assert served.files() == []
    assert served.state()["photos"] == []


def test_a_disk_that_is_full_is_told_and_leaves_nothing(served, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(served.shelf), "grow", full)
    answer = served.client.put("/api/photos", params={"name": "a.png"}, content=line())
    assert (answer.status_code, "No space left on device" in answer.json()["error"]) == (507, True)
    assert served.files() == []


@pytest.mark.parametrize("hundreds", [10, pytest.param(100, marks=pytest.mark.soak)])
def test_thousands_of_requests_leave_what_the_limits_allow(make, hundreds):
    """Uploads of a page that has the token, a hundred at a time: each beyond the tenth is turned away, unread."""
    network = Red()
    served = make(network, limits=Limits(photographs=10))
    query = b"name=a.png"
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "PUT", "path": "/api/photos",
        "raw_path": b"/api/photos", "root_path": "", "scheme": "http", "query_string": query, "client": None,
        "headers": [(b"host", f"127.0.0.1:{PORT}".encode()), (b"authorization", f"Bearer {TOKEN}".encode())],
        "server": ("127.0.0.1", PORT),
    }  # fmt: skip
    content, counts, read = line(), {}, 0

    async def one():
        nonlocal read

        async def receive():
            nonlocal read
            read += 1
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message):
            if message["type"] == "http.response.start":
                counts[message["status"]] = counts.get(message["status"], 0) + 1

        await served.app(dict(scope, headers=[*scope["headers"]]), receive, send)

    async def all_of_them():
        for _ in range(hundreds):
            await asyncio.gather(*(one() for _ in range(100)))

    before = threading.active_count()
    asyncio.run(all_of_them())
    assert counts == {201: 10, 429: 100 * hundreds - 10}
    assert read == 10
    assert len(served.files()) == 10
    assert threading.active_count() <= before + 1
    network.go.set()
    assert [one["state"] for one in served.settled().values()] == ["done"] * 10


def test_the_state_tells_what_may_be_sent(make):
    state = make(limits=Limits(photographs=7, mib_each=3)).state()
    assert state["limits"] == {"photographs": 7, "bytes": 3 * 2**20}
    assert ".jpg" in state["endings"]
    assert ".heic" in state["endings"]
    assert json.dumps(state)
