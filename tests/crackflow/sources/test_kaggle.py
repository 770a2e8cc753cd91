"""Against a server on the loopback: real HTTP, real kagglehub. What goes wrong is told to the server, never faked."""

import contextlib
import datetime as dt
import email.utils
import fcntl
import io
import json
import logging
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import traceback
import zipfile
from pathlib import Path

import kagglehub
import pytest
from kagglesdk import kaggle_env

from benchmarks.data.kaggle_server import (
    HANDLE,
    ROOT,
    SIGNATURE,
    Answer,
    KaggleServer,
    made_archive,
    redirect_to,
)
from crackflow.errors import DataError
from crackflow.params import ArchiveParams, KaggleParams, Params, render
from crackflow.sources.folder import find_pairs
from crackflow.sources.http.faults import Patience
from crackflow.sources.kaggle import fetch
from tasks import download
from tasks.workspace import Workspace

ARCHIVE = made_archive()
# Quick to try again. On a busy machine an answer may take its time, and is waited for: a try that was given up too soon
# would use up an answer, and the next ones would go to other tries than the test means.
QUICK = Patience(first_s=0.01, longest_s=2, connect_s=60, read_s=60, slow_s=60)
# for servers that are silent or slow on purpose
HASTY = Patience(first_s=0.01, longest_s=2, connect_s=2, read_s=0.4, slow_bytes_per_s=10_000, slow_s=0.2)
SECRET = "s3ntinel0f0a0secret"  # noqa: S105
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """No cache, no credentials and no proxy of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path / "home/.kaggle"))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_API_TOKEN", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    # the sdk's own table, put back after the test
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, "http://localhost:9")
    (tmp_path / "home/.kaggle").mkdir(parents=True)
    return tmp_path / "home/.kaggle"


@pytest.fixture
def kaggle(home):
    with KaggleServer(ARCHIVE) as server:
        redirect_to(server.endpoint)
        yield server


@pytest.fixture
def place(tmp_path):
    """Where the versions of the data set are kept."""
    return tmp_path / "cache/crackflow" / HANDLE


def get(attempts=3, version=1, patience=QUICK, **limits):
    settings = KaggleParams(handle=HANDLE, version=version, attempts=attempts)
    return fetch(settings, ArchiveParams(**limits), patience).folder


def failure(**kwargs):
    with pytest.raises(DataError) as caught:
        get(**kwargs)
    message = str(caught.value)
    assert "\n" not in message
    assert SIGNATURE not in "".join(traceback.format_exception(caught.value))
    return message


def content(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---- as it should be


def test_the_complete_set_is_downloaded_once(kaggle, place):
    folder = get()
    assert folder == place / "1/files"
    assert files(folder) == content(ARCHIVE)
    found = find_pairs(folder)
    # 12 pairs, 1 in 4 of them in test/ (made_archive), each with an image suffix twice over
    assert [pair.given for pair in found.pairs].count("test") == 3
    assert [pair.given for pair in found.pairs].count("train") == 9
    assert found.rejected == ()
    assert sorted(path.name for path in place.iterdir()) == ["1", "1.lock"]
    assert [asked.side for asked in kaggle.asked] == ["api", "storage"]
    assert get() == folder
    assert len(kaggle.asked) == 2


def test_what_is_left_out_is_listed_each_time(kaggle):
    with_more = io.BytesIO(ARCHIVE)
    with zipfile.ZipFile(with_more, "a") as archive:
        archive.writestr(f"{ROOT}/notes.csv", "a,b")
    kaggle.archive = with_more.getvalue()
    settings = KaggleParams(handle=HANDLE)
    first = fetch(settings, ArchiveParams(), QUICK)
    assert files(first.folder) == content(ARCHIVE)
    assert [one.name for one in first.left_out] == [f"{ROOT}/notes.csv"]
    assert fetch(settings, ArchiveParams(), QUICK) == first


def test_the_version_is_the_one_asked_for(kaggle, place):
    assert get(version=7) == place / "7/files"
    owner, name = HANDLE.split("/")
    asked = json.loads(kaggle.asked[0].body)
    assert (asked["ownerSlug"], asked["datasetSlug"], asked["datasetVersionNumber"]) == (owner, name, 7)


def test_the_request_is_the_one_that_kagglehub_sends(kaggle, home, monkeypatch):
    by_access_token(home, monkeypatch)
    get()
    kagglehub.dataset_download(f"{HANDLE}/versions/1")
    ours, theirs = (asked for asked in kaggle.asked if asked.side == "api")
    assert (ours.path, json.loads(ours.body)) == (theirs.path, json.loads(theirs.body))
    for name in ("content-type", "authorization"):
        assert ours.headers[name] == theirs.headers[name]
    assert theirs.headers["user-agent"].startswith(ours.headers["user-agent"])


def test_what_kagglehub_itself_downloaded_is_used(kaggle, place, capfd):
    folder = kagglehub.dataset_download(f"{HANDLE}/versions/1")
    before = len(kaggle.asked)
    assert get() == Path(folder)
    assert files(get()) == content(ARCHIVE)
    assert len(kaggle.asked) == before
    assert not place.exists()
    capfd.readouterr()


def test_what_kagglehub_has_not_finished_is_neither_used_nor_touched(kaggle, tmp_path, place):
    half = tmp_path / "cache/datasets" / HANDLE / "versions/1/images/half.jpg"
    half.parent.mkdir(parents=True)
    half.touch()
    assert get() == place / "1/files"
    assert half.exists()


def test_what_a_killed_run_left_half_unpacked_is_replaced(kaggle, place):
    (place / ".1.part/files/images").mkdir(parents=True)
    (place / ".1.part/files/images/half.jpg").touch()
    assert files(get()) == content(ARCHIVE)
    assert sorted(path.name for path in place.iterdir()) == ["1", "1.lock"]


def test_the_bar_counts_bytes(kaggle, capfd):
    get()
    shown = capfd.readouterr().err
    assert "crack-set.zip: 100%" in shown
    assert f"{len(ARCHIVE) / 1000:.1f}k/" in shown
    assert "B/s" in shown


def test_the_stage_takes_the_pairs_and_leaves_the_cache_unchanged(kaggle, tmp_path, place):
    workspace = Workspace(tmp_path / "workspace")
    params = Params.model_validate({"data": {"source": "kaggle", "kaggle": {"handle": HANDLE, "version": 2}}})
    download.run(workspace, params)
    record = json.loads(workspace.raw_json.read_text())
    assert (record["path"], record["version"], record["pairs"]) == (HANDLE, 2, 12)
    assert record["given"] == {"test": 3, "train": 9}
    # `CFD_001.jpg.jpg` is the pair CFD_001
    source = content(ARCHIVE)[f"{ROOT}/masks/CFD_001.jpg.jpg"]
    assert (workspace.raw / "masks/CFD_001.jpg").read_bytes() == source
    assert files(place / "2/files") == content(ARCHIVE)
    assert not place.is_relative_to(workspace.root)


# ---- broken off and resumed


def test_a_dropped_connection_is_resumed_where_it_broke(kaggle):
    kaggle.answers.append(Answer(cut=5000))
    assert files(get()) == content(ARCHIVE)
    first, second = kaggle.downloads()
    assert (first.first, second.first) == (0, 5000)
    assert second.headers["if-range"].strip('"')


def test_a_download_that_makes_progress_is_not_given_up(kaggle):
    # 10 breaks with 2 attempts: each brings 1,000 bytes, more than a hundredth of the file
    kaggle.answers.extend(Answer(cut=1000) for _ in range(10))
    assert files(get(attempts=2)) == content(ARCHIVE)
    assert [asked.first for asked in kaggle.downloads()] == [1000 * n for n in range(11)]


def test_a_download_without_progress_is_given_up_and_resumed_later(kaggle, place):
    kaggle.answers.extend([Answer(cut=6000), Answer(cut=0), Answer(cut=10), Answer(cut=0)])
    # 6,000 bytes begin the count anew, the 10 bytes of the third try are less than a hundredth and do not
    message = failure(attempts=3)
    assert message.startswith(
        f"{HANDLE} version 1 stopped at 6.01kB after 3 tries: the connection dropped; run again to go on from there"
    )
    assert (place / "1.zip.part").read_bytes() == ARCHIVE[:6010]
    assert files(get()) == content(ARCHIVE)
    assert [asked.first for asked in kaggle.downloads()] == [0, 6000, 6000, 6010, 6010]


def test_a_server_that_ignores_the_range_restarts_the_download(kaggle):
    kaggle.answers.extend([Answer(cut=5000), Answer(ignores_range=True)])
    assert files(get()) == content(ARCHIVE)
    assert len(kaggle.downloads()) == 2


def test_an_archive_that_changed_meanwhile_is_never_mixed(kaggle):
    kaggle.answers.append(Answer(cut=5000))
    failure(attempts=1)
    kaggle.archive = made_archive(seed=1)
    assert files(get()) == content(kaggle.archive)
    # If-Range made the server send the new one whole
    assert [asked.first for asked in kaggle.downloads()] == [0, 5000]


@pytest.mark.parametrize(
    "told",
    [
        {"x-goog-hash": "md5=AAAAAAAAAAAAAAAAAAAAAA=="},
        {"ETag": '"another"'},
        {"Content-Range": f"bytes 4000-{len(ARCHIVE) - 1}/{len(ARCHIVE)}"},
        {"Content-Range": f"bytes 5000-{len(ARCHIVE) - 1}/{len(ARCHIVE) + 1}"},
        {"Content-Range": "nonsense"},
    ],
    ids=lambda told: next(iter(told.items()))[1][:20],
)
def test_a_rest_that_belongs_to_something_else_is_not_appended(kaggle, capfd, told):
    kaggle.answers.extend([Answer(cut=5000), Answer(headers=told)])
    assert files(get()) == content(ARCHIVE)
    assert [asked.first for asked in kaggle.downloads()] == [0, 5000, 0]
    assert "changed on the server" in capfd.readouterr().err


def test_a_range_past_the_end_restarts_the_download(kaggle):
    # a weak ETag vouches for no bytes, so no If-Range goes out and the shorter archive answers 416
    kaggle.answers.append(Answer(cut=9000, headers={"ETag": 'W/"same"'}))
    failure(attempts=1)
    kaggle.archive = made_archive(pairs=2)
    assert len(kaggle.archive) < 9000
    assert files(get()) == content(kaggle.archive)
    assert "if-range" not in kaggle.downloads()[1].headers
    assert [asked.first for asked in kaggle.downloads()] == [0, 9000, 0]


@pytest.mark.parametrize("note", [None, "{", "[]", '{"total": "1", "etag": null, "md5": null}', '{"more": 1}'])
def test_a_part_of_an_unknown_file_is_deleted(kaggle, place, note):
    place.mkdir(parents=True)
    (place / "1.zip.part").write_bytes(b"x" * 100)
    if note is not None:
        (place / "1.zip.part.json").write_text(note)
    assert files(get()) == content(ARCHIVE)
    assert [asked.first for asked in kaggle.downloads()] == [0]


def test_a_server_that_gives_no_length(kaggle):
    # without a length there is nothing to resume by: cut in the middle, it is fetched anew
    kaggle.answers.extend([Answer(chunked=True, cut=5000), Answer(chunked=True)])
    assert files(get()) == content(ARCHIVE)
    assert [asked.first for asked in kaggle.downloads()] == [0, 0]


# ---- killed


def stage(workspace, endpoint, *before):
    """`python -m tasks download` with the sdk's table of endpoints changed; `before` are statements to run first."""
    code = "; ".join(
        [
            "import sys",
            "from benchmarks.data.kaggle_server import redirect_to",
            f"redirect_to({endpoint!r})",
            *before,
            "from tasks.__main__ import main",
            "sys.exit(main(['download']))",
        ]
    )
    workspace.mkdir(exist_ok=True)
    params = Params.model_validate({"data": {"source": "kaggle", "kaggle": {"handle": HANDLE, "attempts": 1}}})
    (workspace / "params.yaml").write_text(render(params))
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=workspace,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_killed_stage_asks_only_for_the_missing_bytes(kaggle, tmp_path, place):
    # in blocks so small that a file's buffer would hold them back
    kaggle.answers.append(Answer(hold=2000, pause=0.0005))
    process = stage(tmp_path / "workspace", kaggle.endpoint)
    part = place / "1.zip.part"
    deadline = time.monotonic() + 300
    while not (part.exists() and part.stat().st_size == 2000):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert part.read_bytes() == ARCHIVE[:2000]
    assert not (tmp_path / "workspace/data/raw.json").exists()

    process = stage(tmp_path / "workspace", kaggle.endpoint)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert "12 pairs" in output
    assert [asked.first for asked in kaggle.downloads()] == [0, 2000]
    assert files(place / "1/files") == content(ARCHIVE)


def test_a_run_killed_before_it_unpacked_asks_for_nothing_again(kaggle, place, capfd):
    place.mkdir(parents=True)
    (place / "1.zip").write_bytes(ARCHIVE)
    assert files(get()) == content(ARCHIVE)
    assert kaggle.asked == []
    assert not (place / "1.zip").exists()
    capfd.readouterr()


def test_a_run_killed_before_it_checked_asks_for_nothing_again(kaggle, place):
    kaggle.answers.append(Answer(cut=5000))
    failure(attempts=1)
    (place / "1.zip.part").write_bytes(ARCHIVE)
    assert files(get()) == content(ARCHIVE)
    assert len(kaggle.downloads()) == 1


def test_two_runs_do_not_write_the_same_file(kaggle, place):
    place.mkdir(parents=True)
    with (place / "1.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert failure() == f"another run is downloading {place / '1'}; wait until it ends"
    assert kaggle.asked == []
    get()


# ---- damaged


def test_a_wrong_checksum_is_rejected_and_fetched_again(kaggle, capfd):
    kaggle.answers.append(Answer(headers={"x-goog-hash": "crc32c=AAAAAA==,md5=AAAAAAAAAAAAAAAAAAAAAA=="}))
    assert files(get()) == content(ARCHIVE)
    assert [asked.first for asked in kaggle.downloads()] == [0, 0]
    shown = capfd.readouterr().err
    assert "expected AAAAAAAAAAAAAAAAAAAAAA==; the file is deleted; try 2 of 3 in " in shown


def test_a_checksum_that_stays_wrong_is_an_error_and_nothing_is_kept(kaggle, place):
    kaggle.answers.extend(Answer(headers={"x-goog-hash": "md5=AAAA"}) for _ in range(3))
    assert "can't be downloaded from Kaggle after 3 tries: its MD5 is " in failure()
    assert len(kaggle.downloads()) == 3
    assert sorted(path.name for path in place.iterdir()) == ["1.lock"]


def test_without_a_checksum_those_in_the_zip_are_used(kaggle):
    # a byte changed in the middle of what the first member holds
    changed = bytearray(ARCHIVE)
    changed[150] ^= 0xFF
    kaggle.archive = bytes(changed)
    kaggle.answers.append(Answer(headers={"x-goog-hash": "crc32c=AAAAAA=="}))
    assert "crack_segmentation_dataset/images/CRACK500_2016_0_1.jpg in it is damaged" in failure(attempts=1)
    kaggle.archive = ARCHIVE
    kaggle.answers.append(Answer(headers={"x-goog-hash": "crc32c=AAAAAA=="}))
    assert files(get()) == content(ARCHIVE)
    assert [asked.first for asked in kaggle.downloads()] == [0, 0]


def test_a_web_page_is_not_accepted_as_the_archive(kaggle):
    # what the network of a hotel answers
    kaggle.archive = b"<html>Welcome! Please log in.</html>"
    kaggle.answers.extend(Answer(headers={"x-goog-hash": "none"}) for _ in range(2))
    assert "after 2 tries: the file is not a complete zip; the file is deleted" in failure(attempts=2)


def test_a_complete_file_that_is_not_a_zip_is_not_kept(kaggle, place):
    kaggle.archive = b"not a zip, and this is its right checksum"
    assert failure().startswith(
        f"what Kaggle sent for {HANDLE} version 1 is not a zip, expected one with images/ and masks/"
    )
    assert sorted(path.name for path in place.iterdir()) == ["1.lock"]
    assert len(kaggle.downloads()) == 1


def test_an_archive_over_the_limit_is_kept_for_a_higher_one(kaggle, place):
    with pytest.raises(DataError, match="unpacks to"):
        get(max_gib=1000 / 2**30)
    assert not (place / "1").exists()
    assert files(get()) == content(ARCHIVE)
    assert len(kaggle.downloads()) == 1


# ---- busy, slow, away


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_server_error_is_tried_again(kaggle, capfd, status):
    kaggle.answers.append(Answer(status=status))
    kaggle.api_answers.append(Answer(status=status))
    assert files(get()) == content(ARCHIVE)
    shown = capfd.readouterr().err
    assert f"the server answers {status}; try 2 of 3 in " in shown
    assert f"the server answers {status}; try 3 of 3 in " in shown


def test_a_server_error_that_stays_is_an_error(kaggle):
    kaggle.answers.extend([Answer(status=503)] * 3)
    assert "can't be downloaded from Kaggle after 3 tries: the server answers 503; check" in failure(attempts=3)
    assert len(kaggle.downloads()) == 3


def test_the_wait_that_the_server_asks_for_is_kept(kaggle):
    kaggle.answers.append(Answer(status=429, headers={"Retry-After": "1"}))
    began = time.monotonic()
    get()
    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("as_date", [False, True])
def test_a_wait_that_is_too_long_is_an_error_at_once(kaggle, as_date):
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    asked = email.utils.format_datetime(later, usegmt=True) if as_date else "3600"
    kaggle.answers.append(Answer(status=429, headers={"Retry-After": asked}))
    message = failure()
    assert "the server answers 429 and asks to wait 3,6" in message or "asks to wait 3,59" in message
    assert len(kaggle.downloads()) == 1


@pytest.mark.parametrize("asked", ["soon", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_malformed_or_past_wait_is_ignored(kaggle, asked):
    kaggle.answers.append(Answer(status=503, headers={"Retry-After": asked}))
    get()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(silent=True), "no answer within 0.4 s"),
        (Answer(hold=5000), "no data for 0.4 s"),
        # 16 bytes each 0.05 s are at most 320 a second, and the limit is 10,000
        (Answer(pause=0.05), "bytes per second for 0 s"),
    ],
)
def test_a_stalled_or_very_slow_connection_is_replaced(kaggle, capfd, answer, told):
    kaggle.answers.append(answer)
    assert files(get(patience=HASTY)) == content(ARCHIVE)
    assert told in capfd.readouterr().err
    assert len(kaggle.downloads()) == 2


def test_an_api_that_never_answers_is_an_error(kaggle):
    kaggle.api_answers.extend([Answer(silent=True)] * 2)
    assert "after 2 tries: no answer within 0.4 s; check the network" in failure(attempts=2, patience=HASTY)


def test_a_slow_connection_that_is_fast_enough_is_kept(kaggle):
    kaggle.archive = made_archive(pairs=1)
    # 16 bytes each millisecond
    kaggle.answers.append(Answer(pause=0.001))
    get(patience=Patience(first_s=0.01, read_s=2, slow_bytes_per_s=100, slow_s=0.02))
    assert len(kaggle.downloads()) == 1


def test_no_server_at_the_address(kaggle, capfd):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    redirect_to(f"http://127.0.0.1:{port}")
    assert "after 2 tries: the connection is refused; check the network" in failure(attempts=2)
    assert "the connection is refused; try 2 of 2" in capfd.readouterr().err


def test_no_network_is_an_error_at_once():
    redirect_to("http://kaggle.invalid")
    message = failure(attempts=6, patience=Patience())
    assert message == (
        f"{HANDLE} version 1 can't be downloaded from Kaggle after 1 try: the server's name can't be resolved; check "
        "the network, run again, or set data.source to folder and data.path to a copy that you have; "
        "data.source sample needs no network"
    )


def test_a_storage_name_that_can_not_be_resolved_is_tried_again(kaggle):
    kaggle.answers.append(Answer(cut=5000))
    right = kaggle.storage_address
    kaggle.storage_address = "http://storage.invalid/"
    kaggle.api_answers.append(Answer(headers={"Location": right}))
    assert "stopped at 5.00kB after 2 tries: the server's name can't be resolved" in failure(attempts=2)


def test_a_proxy_that_refuses_is_named_without_its_password(monkeypatch):
    redirect_to("http://kaggle.invalid")
    monkeypatch.setenv("HTTP_PROXY", f"http://me:{SECRET}@127.0.0.1:9")
    message = failure(attempts=1)
    assert "after 1 try: the proxy rejects the request or does not answer" in message
    assert SECRET not in message


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "socks://me:pa55@127.0.0.1:9", "http://[::1"])
def test_a_proxy_that_can_not_be_used_is_named_without_its_password(monkeypatch, proxy):
    monkeypatch.setenv("HTTP_PROXY", proxy)
    message = failure(attempts=1)
    assert message.startswith(
        f"the proxy of the environment can't be used for {HANDLE} version 1; name one that speaks"
    )
    assert "pa55" not in message


def test_a_file_of_certificates_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    redirect_to("https://127.0.0.1:9")
    message = failure(attempts=1)
    assert "invalid path: /nowhere/ca.pem; set REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE to a file that is there" in message


def test_an_untrusted_certificate(tmp_path):
    key = tmp_path / "key.pem"
    order = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    made = tmp_path / "made.pem"
    subprocess.run([*order, "-keyout", key, "-out", made], capture_output=True, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    with KaggleServer(ARCHIVE, context) as server:
        redirect_to(server.endpoint.replace("http:", "https:"))
        message = failure()
    assert message.startswith(f"Kaggle's certificate is not trusted for {HANDLE} version 1; behind a TLS-")
    assert "REQUESTS_CA_BUNDLE" in message


# ---- denied


DENIED = (
    "Kaggle denies access to owner/crack-set version 1 ({}), expected a public set or a valid token: check data.kaggle"
)


@pytest.mark.parametrize("side", ["api", "storage"])
@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, DENIED.format(401)),
        (403, DENIED.format(403)),
        (404, "Kaggle has no owner/crack-set version 1 (404); check data.kaggle.handle and data.kaggle.version"),
        (410, "Kaggle answers 410 for owner/crack-set version 1, expected the archive; run again later"),
    ],
)
def test_a_denial_is_final_and_one_line(kaggle, place, side, status, told):
    answer = Answer(status=status, body=json.dumps({"code": status, "message": "told\nat length"}).encode())
    (kaggle.api_answers if side == "api" else kaggle.answers).append(answer)
    assert failure(attempts=3).startswith(told)
    assert [asked.side for asked in kaggle.asked] == (["api"] if side == "api" else ["api", "storage"])
    assert sorted(path.name for path in place.iterdir()) == ["1.lock"]


def test_a_status_inside_an_answer_of_200_counts(kaggle):
    kaggle.api_answers.append(Answer(status=200, body=b'{"code": 403, "message": "Permission denied"}'))
    assert failure().startswith(DENIED.format(403))


@pytest.mark.parametrize("body", [b"<html>", b'{"code": "403"}'])
def test_an_answer_that_is_not_json_of_kaggle_is_rejected(kaggle, body):
    kaggle.api_answers.append(Answer(status=200, body=body))
    assert failure().startswith(f"Kaggle's answer for {HANDLE} version 1 can't be used (")


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("side", ["api", "storage"])
def test_a_denial_in_the_middle_of_a_resume_harms_nothing(kaggle, place, status, side):
    # kagglehub 1.0.2 appends the error's text to the part, and blames the checksum
    kaggle.answers.append(Answer(cut=5000))
    if side == "api":
        kaggle.api_answers.extend([Answer(), Answer(status=status, body=b"{}")])
    else:
        kaggle.answers.append(Answer(status=status))
    assert failure().startswith(
        f"Kaggle denies access to the rest of {HANDLE} version 1 ({status}); 5.00kB are kept: run again"
    )
    assert (place / "1.zip.part").read_bytes() == ARCHIVE[:5000]
    assert files(get()) == content(ARCHIVE)
    assert kaggle.downloads()[-1].first == 5000


@pytest.mark.parametrize("handle", ["crack-set", "a/b/c", "owner/", "https://kaggle.com/owner/name", "", "../x"])
def test_a_handle_is_owner_and_name(handle):
    with pytest.raises(DataError, match=r"data\.kaggle\.handle is .*expected owner/name"):
        fetch(KaggleParams(handle=handle), ArchiveParams())


# ---- no room


def test_a_file_larger_than_the_disk_is_not_begun(kaggle, place):
    kaggle.answers.append(Answer(headers={"Content-Length": str(10**18)}))
    message = failure()
    # 10**18 bytes / 2**20
    assert message.startswith(f"{place} has ")
    assert "MiB free, expected 953,674,316,406.2 MiB for the download; make room and run again to go on" in message
    assert len(kaggle.downloads()) == 1


@contextlib.contextmanager
def small_disk(folder, size):
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], capture_output=True)
    if done.returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="no mount here")
def test_a_disk_that_fills_up_on_the_way(kaggle, tmp_path, monkeypatch):
    with small_disk(tmp_path / "disk", "20k"):
        monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "disk"))
        # no length is told, so only writing shows that it does not fit
        kaggle.answers.append(Answer(chunked=True))
        message = failure()
        assert "(No space left on device); make room and run again to go on, or set KAGGLEHUB_CACHE" in message
        assert len(kaggle.downloads()) == 1


def test_a_limit_for_one_file_in_the_whole_stage(kaggle, tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"
    process = stage(tmp_path / "workspace", kaggle.endpoint, limit)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "can't hold more than 20,000 bytes (File too large); make room and run again" in output
    assert "Traceback" not in output
    process = stage(tmp_path / "workspace", kaggle.endpoint)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert [asked.first for asked in kaggle.downloads()] == [0, 20_000]


def test_a_cache_that_can_not_be_written(kaggle, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "file"))
    assert failure().endswith(
        "can't be written (Not a directory); make it writable, or set KAGGLEHUB_CACHE to a folder of your own"
    )


# ---- credentials


def by_token(home, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", f"{SECRET}\n")


def by_token_file(home, monkeypatch):
    (home / "token").write_text(SECRET)
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(home / "token"))


def by_access_token(home, monkeypatch):
    (home / "access_token").write_text(f"{SECRET}\n")


def by_key(home, monkeypatch):
    monkeypatch.setenv("KAGGLE_USERNAME", "me")
    monkeypatch.setenv("KAGGLE_KEY", SECRET)


def by_json(home, monkeypatch):
    (home / "kaggle.json").write_text(json.dumps({"username": "me", "key": SECRET}))


BEARER = f"Bearer {SECRET}"
# base64 of "me:" and the secret, made with `base64`
BASIC = "Basic bWU6czNudGluZWwwZjBhMHNlY3JldA=="


@pytest.fixture
def secrets(caplog, capfd, tmp_path):
    """A check that no secret is in what was said, logged at DEBUG, raised, or written outside the credentials."""
    caplog.set_level(logging.DEBUG)

    def check(error=None):
        captured = capfd.readouterr()
        logged = "".join(f"{record.getMessage()}{record.args}" for record in caplog.records)
        raised = "".join(traceback.format_exception(error)) if error else ""
        written = b"".join(
            path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and ".kaggle" not in path.parts
        )
        for secret in (SECRET, SIGNATURE, BASIC.split()[1]):
            assert secret not in captured.out + captured.err + logged + raised
            assert secret.encode() not in written

    return check


@pytest.mark.parametrize(
    ("give", "header"),
    [
        (by_token, BEARER),
        (by_token_file, BEARER),
        (by_access_token, BEARER),
        (by_key, BASIC),
        (by_json, BASIC),
    ],
)
def test_credentials_are_used_and_go_to_kaggle_alone(kaggle, home, monkeypatch, secrets, give, header):
    give(home, monkeypatch)
    kaggle.answers.append(Answer(cut=5000))
    get()
    assert [asked.headers.get("authorization") for asked in kaggle.asked] == [header, None, header, None]
    secrets()


def test_without_credentials_none_are_sent(kaggle):
    get()
    assert not any("authorization" in asked.headers for asked in kaggle.asked)


def test_logs_of_urllib3_are_left_as_they_were(kaggle, caplog):
    caplog.set_level(logging.DEBUG)
    get()
    assert not [record for record in caplog.records if "bundle.zip" in record.getMessage()]
    logging.getLogger("urllib3.connectionpool").debug("again")
    assert "again" in caplog.text


@pytest.mark.parametrize(
    "faults",
    [
        {"api_answers": [Answer(status=401, body=json.dumps({"code": 401, "message": SECRET}).encode())]},
        {"answers": [Answer(status=403, body=SIGNATURE.encode())]},
        {"answers": [Answer(status=503)] * 2},
        {"answers": [Answer(cut=100)] * 2},
        {"answers": [Answer(silent=True)] * 2},
        {"api_answers": [Answer(headers={"Location": f"http://storage.invalid/?X-Goog-Signature={SIGNATURE}"})] * 2},
        {"api_answers": [Answer(headers={"Location": f"http://127.0.0.1:9/?X-Goog-Signature={SIGNATURE}"})] * 2},
        {"api_answers": [Answer(headers={"Location": f"http://[/?X-Goog-Signature={SIGNATURE}"})] * 2},
    ],
)
def test_no_failure_shows_a_secret(kaggle, home, monkeypatch, secrets, faults):
    by_token(home, monkeypatch)
    for name, answers in faults.items():
        getattr(kaggle, name).extend(answers)
    kaggle.archive = ARCHIVE[:200]
    with pytest.raises(DataError) as caught:
        get(attempts=2, patience=HASTY)
    secrets(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"username": "me", "key": "{SECRET}"',
        f'{{"username": "me", "kee": "{SECRET}"}}',
        f'["{SECRET}"]',
        "5",
        "null",
        f'{{"username": "me", "key": ["{SECRET}"]}}',
        f'{{"username": "me", "key": "{SECRET}\\nX: y"}}',
        f'{{"username": "mé", "key": "{SECRET}"}}',
        '{"username": "", "key": ""}',
    ],
)
def test_a_malformed_kaggle_json_is_reported_without_its_text(kaggle, home, secrets, text):
    (home / "kaggle.json").write_text(text)
    with pytest.raises(
        DataError, match="the Kaggle credentials are malformed or unreadable, expected a token"
    ) as caught:
        get()
    assert "\n" not in str(caught.value)
    assert kaggle.asked == []
    secrets(caught.value)


@pytest.mark.parametrize("token", [SECRET * 20, f"{SECRET}\nX: y", f"{SECRET} two", f"{SECRET}é"])
def test_a_malformed_token_is_reported_without_its_text(kaggle, monkeypatch, secrets, token):
    # kagglehub takes the token for a file's name first; one too long for a name raises an error that quotes it
    monkeypatch.setenv("KAGGLE_API_TOKEN", token)
    with pytest.raises(DataError, match="credentials are malformed") as caught:
        get()
    assert kaggle.asked == []
    secrets(caught.value)
