"""What MkDocs is told beside mkdocs.yml: links that leave docs/, and a page of the API for each room of crackflow.

The pages of docs/ are read on GitHub too, where they link to code and to the README. On the site such a link goes to
the file in the repository that the environment names (REPOSITORY, an address; the workflow sets it), or is plain words
where none is named. A link to a file that is not there ends the build.

`python -m scripts.docs_site FOLDER` looks through a built site for anything that a page would load from a network.
"""

import os
import posixpath
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LIBRARY = "crackflow"
API = "reference/api"
KINDS = {"Tutorial": "tutorial", "How-to": "how-to", "Reference": "reference", "Explanation": "explanation"}
# a link or picture of Markdown; its address has no spaces
_LINK = re.compile(r"(?<!!)\[(?P<words>[^\[\]]*)\]\((?P<to>[^()\s]+)\)")
_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
# of <link>: what is loaded. The others, such as canonical, only say something
_LOADED_LINKS = {"stylesheet", "icon", "preload", "preconnect", "modulepreload", "manifest"}
_IMPORTED = re.compile(r"url\(\s*['\"]?(https?:)?//|@import\s+['\"]?(https?:)?//")


def on_config(config: Any) -> Any:
    """Order the pages by their four kinds; MkDocs calls this first."""
    config.nav = navigation()
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links that leave docs/; MkDocs calls this for every page."""
    return leave(markdown, page.file.src_uri, os.environ.get("REPOSITORY", ""))


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Add the pages of the API; MkDocs calls this once."""
    from mkdocs.structure.files import File

    for name, text in api_pages().items():
        files.append(File.generated(config, f"{API}/{name}.md", content=text))
    return files


def navigation() -> list[Any]:
    """The pages by kind, those of a kind by name, and the rooms of the API in the reference."""
    kinds: dict[str, list[Any]] = {
        title: [f"{folder}/{path.name}" for path in sorted((ROOT / "docs" / folder).glob("*.md"))]
        for title, folder in KINDS.items()
    }
    kinds["Reference"].append({"API": [f"{API}/{name}.md" for name in sorted(api_pages())]})
    return ["index.md", *({title: pages} for title, pages in kinds.items())]


def leave(markdown: str, source: str, repository: str) -> str:
    """Turn the links of a page that lead out of docs/.

    Args:
        markdown: of the page.
        source: its path below docs/, with forward slashes.
        repository: address of the files of a revision, without a slash at its end; empty where there is none.

    Returns:
        The page.

    Raises:
        FileNotFoundError: when a link leads to a file that is not there.
    """

    def turned(found: re.Match[str]) -> str:
        to, _, anchor = found["to"].partition("#")
        if not to or "://" in to or to.startswith("mailto:"):
            return found[0]
        target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(source), to))
        if target.startswith("docs/") and not (ROOT / target).is_dir():
            return found[0]
        if not (ROOT / target).exists():
            raise FileNotFoundError(f"docs/{source} links to {found['to']}, and there is no {target}; correct the link")
        if repository:
            return f"[{found['words']}]({repository}/{target}{f'#{anchor}' if anchor else ''})"
        return found["words"] if found["words"].strip("`") == target else f"{found['words']} (`{target}`)"

    return _LINK.sub(turned, markdown)


def api_pages() -> dict[str, str]:
    """A page for each room of the library: its words, and its modules. Room, with a hyphen for a slash -> Markdown."""
    from scripts.rooms import holds, modules

    pages = {}
    for room, paths in modules().items():
        if room.partition("/")[0] != LIBRARY:
            continue
        names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
        names = [name.removesuffix(".__init__") for name in names]
        head = f"# {room.replace('/', '.')}\n\n{holds(room)}\n"
        pages[room.replace("/", "-")] = head + "".join(f"\n::: {name}\n" for name in names)
    return pages


class _Page(HTMLParser):
    """Collects what a page loads from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        given = dict(attrs)
        address = given.get(_LOADED.get(tag, "")) or ""
        if tag == "link" and not _LOADED_LINKS & set((given.get("rel") or "").split()):
            return
        if address.startswith(("http:", "https:", "//")):
            self.loaded.append(address)


def loaded_from_elsewhere(site: Path) -> list[str]:
    """Say which page or style of a built site loads what from a network, in lines."""
    found = []
    for path in sorted(site.rglob("*")):
        name = path.relative_to(site).as_posix()
        if path.suffix == ".html":
            page = _Page()
            page.feed(path.read_text(encoding="utf-8"))
            found += [f"{name} loads {address}" for address in page.loaded]
        elif path.suffix == ".css" and _IMPORTED.search(path.read_text(encoding="utf-8")):
            found.append(f"{name} loads from a network")
    return found


def main() -> int:
    """Look through a site."""
    site = Path(sys.argv[1])
    pages = sum(1 for _ in site.rglob("*.html"))
    if not pages:
        print(f"no page in {site}; build it with `make docs`", file=sys.stderr)
        return 2
    lines = loaded_from_elsewhere(site)
    for line in lines:
        print(line, file=sys.stderr)
    print(f"{pages} pages; {len(lines)} load something from a network")
    return 2 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
