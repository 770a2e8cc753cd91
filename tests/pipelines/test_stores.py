"""Photographs on a web server and on S3, both on this machine."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from crackflow.errors import DataError
from crackflow.inference import inputs
from crackflow.params import ArchiveParams
from pipelines import stores
from pipelines.cli import app

SECRET = "s3cr3t"  # noqa: S105, of a server in this process


@pytest.fixture(scope="module")
def photo():
    pixels = np.full((64, 64, 3), 150, np.uint8)
    pixels[:, 30:33] = 20
    return cv2.imencode(".png", pixels)[1].tobytes()


@pytest.fixture
def web(photo):
    """The address of a web server that wants a signature, and the paths that it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            there = self.path == f"/road/my%20deck.png?sig={SECRET}"
            self.send_response(200 if there else 404 if SECRET in self.path else 403)
            self.end_headers()
            if there and self.command == "GET":
                self.wfile.write(photo)

        do_HEAD = do_GET  # noqa: N815, as http.server names it

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_a_signed_address_is_marked_and_its_signature_is_written_nowhere(web, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    address = f"{web[0]}/road/my%20deck.png?sig={SECRET}"
    result = CliRunner().invoke(app, ["predict", address, "--out", "out", "--model", "packaged"])
    assert result.exit_code == 0, result.output
    assert "photographs: 1 done; " in result.stdout
    assert (tmp_path / "out/masks/my deck.png").exists()
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert SECRET not in result.output
    assert SECRET.encode() not in written


@pytest.mark.parametrize(
    ("path", "reason"), [(f"gone.png?sig={SECRET}", "it is not there"), ("deck.png", "the server said 403")]
)
def test_what_can_not_be_fetched_is_said_without_the_signature(web, tmp_path, path, reason):
    with pytest.raises(DataError, match=reason) as error:
        stores.fetch([f"{web[0]}/{path}"], tmp_path)
    assert SECRET not in str(error.value)


def test_no_more_is_fetched_than_is_allowed(web, tmp_path):
    address = f"{web[0]}/road/my%20deck.png?sig={SECRET}"
    with pytest.raises(DataError, match="more than 1e-09 GiB"):
        stores.fetch([address], tmp_path, limits=ArchiveParams(max_gib=1e-9))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_addresses_on_a_list_are_not_followed(web):
    with pytest.raises(inputs.NothingFoundError, match="is not there"):
        inputs.find(["-"], listed=f"{web[0]}/road/my%20deck.png?sig={SECRET}".encode())
    assert not web[1]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("file:///etc/passwd", "begins with file://"),
        ("ssh://host/a.png", "begins with ssh://"),
        ("https://me:s3cr3t@127.0.0.1/a.png", "holds a user"),
        ("s3://key:s3cr3t@photos/a.png", "holds a user"),
        ("http://127.0.0.1:9/%2e%2e", "leads elsewhere"),
        ("http://127.0.0.1:9/", "leads elsewhere"),
    ],
)
def test_addresses_that_are_no_stores_or_hold_secrets_are_rejected(address, reason, tmp_path):
    with pytest.raises(DataError, match=reason) as error:
        stores.fetch([address], tmp_path)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("name", ["", ".", "..", "../a.png", "a/../../b.png", "/a.png", "a//b.png", "C:a.png", "a\\b"])
def test_names_that_would_lead_out_of_the_folder_are_unsafe(name):
    assert stores.unsafe(name)


def test_paths_are_left_as_they_are(tmp_path):
    assert stores.fetch(["photos", "-", "C:\\photos"], tmp_path).given == ("photos", "-", "C:\\photos")
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
def test_a_folder_on_s3(s3_server, photo, tmp_path, monkeypatch):
    import boto3

    for name, value in (
        ("AWS_ENDPOINT_URL", s3_server),
        ("AWS_ACCESS_KEY_ID", "someone"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    for key in ("road/b.png", "road/deep/a.PNG", "road/notes.txt", "road/.hidden.png", "road/a:b.png", "roads/c.png"):
        boto3.client("s3").put_object(Bucket="photos", Key=key, Body=photo)

    def names(address, work, **options):
        work.mkdir()
        found = stores.fetch([address], work, **options)
        photos = inputs.find(found.given, recursive=True).photos
        return [one.shown for one in photos], len(found.skipped), found.passed_over

    # a:b.png is skipped; of others the text, the hidden file and the folder are passed over
    assert names("s3://photos/road", tmp_path / "1") == (["b.png"], 1, 3)
    assert names("s3://photos/road/", tmp_path / "2", recursive=True) == (["b.png", "deep/a.PNG"], 1, 2)
    assert names("s3://photos/road/deep/a.PNG", tmp_path / "3") == (["a.PNG"], 0, 0)
    with pytest.raises(DataError, match=r"s3://photos/nothing can't be read: it is not there"):
        names("s3://photos/nothing", tmp_path / "4")
