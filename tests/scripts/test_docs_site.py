"""What MkDocs is told; `make docs` builds the site itself, and CI runs it."""

from pathlib import Path

import pytest

from scripts import docs_site
from scripts.docs_site import API, api_pages, leave, loaded_from_elsewhere, navigation

ROOT = Path(__file__).parents[2]


def test_links_within_docs_stay_as_they_are():
    text = "[a](predict.md#at-which-scale), [b](../reference/stages.md), [c](#here), ![d](../images/rooms.svg)"
    assert leave(text, "how-to/score.md", "") == text


def test_links_that_leave_docs_are_words_where_no_repository_is_named():
    text = "See [the flow](../../pipelines/cli.py) and [README.md](../../README.md) and [how](../how-to)."
    expected = "See the flow (`pipelines/cli.py`) and README.md and how (`docs/how-to`)."
    assert leave(text, "reference/stages.md", "") == expected
    repository = "https://code.example/it/blob/abc"
    assert leave("[x](../README.md#first)", "index.md", repository) == f"[x]({repository}/README.md#first)"


def test_a_link_to_a_file_that_is_not_there_ends_the_build():
    with pytest.raises(FileNotFoundError, match=r"x.md links to ../../nowhere.py, and there is no nowhere.py"):
        leave("[x](../../nowhere.py)", "how-to/x.md", "")


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.stem)
def test_each_page_leads_only_to_files_that_are_there(page):
    """Also those within docs/, which MkDocs checks itself where it is installed."""
    source = page.relative_to(ROOT / "docs").as_posix()
    text = page.read_text(encoding="utf-8")
    leave(text, source, "")
    for to in docs_site._LINK.findall(text):
        target = to[1].partition("#")[0]
        assert not target or "://" in target or (page.parent / target).exists(), to


def test_every_page_has_a_place_and_every_module_a_page():
    pages = [page for kind in navigation()[1:] for of in kind.values() for page in of if isinstance(page, str)]
    on_disk = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert {*pages, "index.md", "results/diff.md"} == on_disk
    text = "".join(api_pages().values())
    assert "::: crackflow.geometry.growth\n" in text
    assert "::: pipelines" not in text
    assert f"{API}/crackflow-sources-http.md" in str(navigation())


def test_what_a_page_would_load_from_a_network_is_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="https://far.example">said</a><link rel="canonical" href="https://far.example/a">'
        '<link rel="stylesheet" href="style.css"><script src="https://far.example/x.js"></script>'
    )
    (tmp_path / "b.html").write_text('<link rel="stylesheet preload" href="//far.example/s.css"><img src="pic.png">')
    (tmp_path / "c.css").write_text("a { background: url('https://far.example/p.png') }")
    (tmp_path / "d.css").write_text("a { background: url(data:image/png;base64,AA) }")
    assert loaded_from_elsewhere(tmp_path) == [
        "a.html loads https://far.example/x.js",
        "b.html loads //far.example/s.css",
        "c.css loads from a network",
    ]
