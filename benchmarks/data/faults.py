"""Give the data stages, and the loader of models, one bad input after another and record what each one leads to.

`python -m benchmarks.data.faults` writes docs/reference/faults.md. Nothing is mocked: archives, images and models are
real, Kaggle is a local server that misbehaves, and the stages run as in a rebuild.
"""

import argparse
import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.data.fault_inputs import FOLDERS, PAIRS, ZIPS
from benchmarks.data.fault_photographs import CONTINUES, STOPS, limited_room, photographs
from benchmarks.data.kaggle_server import HANDLE, Answer, KaggleServer, made_archive, redirect_to
from crackflow.errors import CrackflowError
from crackflow.keras_import import import_keras
from crackflow.params import ArchiveParams, KaggleParams, Params
from crackflow.sources.http.faults import Patience
from crackflow.sources.kaggle import fetch
from scripts.tables import markdown
from tasks import download, resize
from tasks.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/faults.md"
QUICK = Patience(first_s=0.01, longest_s=2, connect_s=2, read_s=0.4, slow_bytes_per_s=10_000, slow_s=0.2)
SIDE = 64
INTRODUCTION = """\
`python -m benchmarks.data.faults` tries each of these faults and writes this page.

- `the run stops`: exit code 2 and this one line. Nothing is left half-written.
- `rejected`: the pair or the file is left out, and the run continues. Rejected pairs are listed with their reasons in
  data/resized.csv and in the report. Other files are counted by reason in data/raw.json, under `ignored`.
- `continues`: the run continues, and nothing is left out.
- `skipped`: `crackflow predict` leaves the photograph out, marks the others, and ends with exit code 3.

For this page, a download from Kaggle has 3 tries and waits less than a second. A real run has `data.kaggle.attempts`
tries, waits up to 30 s for data, and gives a connection up that is slower than 1 KiB a second."""
REJECTED = "rejected"


class Outcome(NamedTuple):
    """What a fault led to, and the message."""

    fault: str
    outcome: str
    message: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when the page says otherwise")
    check = parser.parse_args().check
    import_keras()
    from benchmarks.data.fault_models import models

    quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with tempfile.TemporaryDirectory() as name, quiet[0], quiet[1]:
        groups = {
            "Kaggle": list(_kaggle(Path(name, "kaggle"))),
            "A zip": [_stages(fault, make) for fault, make in ZIPS.items()],
            "A folder": [_stages(fault, make) for fault, make in FOLDERS.items()],
            "A pair": [_stages(fault, make) for fault, make in PAIRS.items()],
            "A photograph": [_told(found, name) for found in photographs(Path(name, "predict"))],
            "A model": [_told(found, name) for found in models(Path(name, "models"))],
        }
    page = _page(groups)
    if check:
        stale = page != PAGE.read_text(encoding="utf-8")
        print(f"{PAGE.relative_to(ROOT)} {'is stale: run python -m benchmarks.data.faults' if stale else 'is true'}")
        return int(stale)
    PAGE.write_text(page, encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}: {sum(len(found) for found in groups.values())} faults")
    return 0


def _page(groups: dict[str, list[Outcome]]) -> str:
    lines = [
        "# What happens with bad input",
        "",
        INTRODUCTION,
    ]
    for group, found in groups.items():
        lines += ["", f"## {group}", "", markdown(["fault", "what happens", "message"], found).removesuffix("\n")]
    return "\n".join(lines) + "\n"


def _said(text: str, root: Path) -> str:
    """Return a message without the folders of this run, escaped for a table."""
    text = text.replace(f"{root}/", "").replace(str(root), ".")
    # these differ from run to run: an archive holds the time it was made at, and speed depends on the machine
    for pattern, word in (
        (r"(its MD5 is) \S+,", r"\1 M,"),
        (r"only [\d,]+ bytes", "only N bytes"),
        (r"(stopped at) \S+B", r"\1 N B"),
    ):
        text = re.sub(pattern, word, text)
    return text.replace("|", "\\|").replace("<", "&lt;").strip()


def _told(found: tuple[str, str, str], folder: str) -> Outcome:
    """Name what became of a fault as the page does; `found` has an outcome of this module's words."""
    fault, outcome, message = found
    return Outcome(fault, outcome, _said(message, Path(folder)))


# --- stages download and resize on made folders and archives


def _stages(fault: str, make: Callable[[Path], str]) -> Outcome:
    """Run the two stages on what `make` makes; `make` returns the value for data.path."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        path = make(root)
        params = Params.model_validate(
            {
                "data": {"source": "folder", "path": path, "max_rejected": 0.9, "archive": {"max_gib": 0.05}},
                "resize": {"size": SIDE},
                "train": {"crop": SIDE},
            }
        )
        workspace = Workspace(root)
        try:
            download.run(workspace, params)
            resize.run(workspace, params)
        except CrackflowError as error:
            return Outcome(fault, STOPS, _said(str(error), root))
        return Outcome(fault, *_what_was_rejected(workspace))


def _what_was_rejected(workspace: Workspace) -> tuple[str, str]:
    raw = pd.read_json(workspace.raw_json, typ="series")
    table = pd.read_csv(workspace.resized_csv, dtype=str, keep_default_na=False)
    rejected = table[table["rejected"] != ""]
    if len(rejected):
        return REJECTED, _said(rejected["rejected"].iloc[0], workspace.root)
    if raw["ignored"]:
        one = raw["ignored"][0]
        return REJECTED, _said(f"{', '.join(one['names'])}: {one['reason']}", workspace.root)
    # of the two pairs, the one that is not called good
    used = table[table["stem"] != "good"].iloc[0]
    share = 100 * float(used["crack_share"])
    size = f"{used['width']}x{used['height']}"
    return CONTINUES, f"read as {size} px, its mask as {used['mask_kind']}, {share:.1f} % of it crack"


# --- Kaggle on the loopback


def _kaggle(place: Path) -> Iterator[Outcome]:
    place.mkdir()
    rejected = Answer(403)
    cut = Answer(cut=2000)
    wrong = Answer(headers={"x-goog-hash": "md5=AAAAAAAAAAAAAAAAAAAAAA=="})
    faults: dict[str, dict[str, Any]] = {
        "cut in the middle, then no fault": {"answers": [cut]},
        "429, then no fault": {"answers": [Answer(429, headers={"Retry-After": "0"})]},
        "503, then no fault": {"answers": [Answer(503)]},
        "a wrong checksum, then no fault": {"answers": [wrong]},
        "a wrong checksum every time": {
            "answers": [Answer(headers={"x-goog-hash": "md5=AAAAAAAAAAAAAAAAAAAAAA=="})] * 3
        },
        "cut every time": {"answers": [Answer(cut=10)] * 3},
        "a very slow connection": {"answers": [Answer(pause=0.05)] * 3},
        "no answer": {"answers": [Answer(silent=True)] * 3},
        "503 every time": {"answers": [Answer(503)] * 3},
        "401": {"api_answers": [Answer(401)]},
        "403": {"api_answers": [rejected]},
        "403 in the middle of a resume": {"answers": [cut, rejected]},
        "404": {"api_answers": [Answer(404)]},
        "no server": {"endpoint": "http://localhost:9"},
        "no network": {"endpoint": "http://no-such-host.invalid"},
        "a full disk": {"room": 2000},
        "the file is not a zip": {"archive": b"hello"},
        "malformed credentials": {"environment": {"KAGGLE_API_TOKEN": "two words"}},
        "a malformed handle": {"handle": "crack-set"},
    }
    for number, (fault, how) in enumerate(faults.items()):
        cache = place / str(number)
        changes = {"KAGGLE_API_ENVIRONMENT": "LOCALHOST", "KAGGLEHUB_CACHE": str(cache), "HOME": str(cache)}
        changes |= {"KAGGLE_CONFIG_DIR": str(cache), **how.get("environment", {})}
        with (
            _environment(changes),
            limited_room(how.get("room")),
            KaggleServer(how.get("archive") or made_archive()) as server,
        ):
            redirect_to(how.get("endpoint", server.endpoint))
            server.answers.extend(how.get("answers", ()))
            server.api_answers.extend(how.get("api_answers", ()))
            settings = KaggleParams(handle=how.get("handle", HANDLE), version=1, attempts=3)
            try:
                fetch(settings, ArchiveParams(), QUICK)
            except CrackflowError as error:
                yield Outcome(fault, STOPS, _said(str(error), cache))
            else:
                asked = f"after {len(server.downloads())} requests, which began at bytes {_starts(server)}"
                yield Outcome(fault, CONTINUES, f"the archive is complete {asked}")


def _starts(server: KaggleServer) -> str:
    return " and ".join(str(asked.first) for asked in server.downloads())


@contextlib.contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Change environment variables for a while, and remove every Kaggle credential and proxy."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.upper().endswith("_PROXY") or name.startswith("KAGGLE"):
            del os.environ[name]
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


if __name__ == "__main__":
    sys.exit(main())
