"""Every shell command that a page shows: it can be read by a shell, and ours are read by our own parser."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import typer
from dvc.cli import parse_args

from pipelines.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
GROUP = typer.main.get_command(app)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
# words of a reader's own that stand where the parser takes a number
NUMBERS = {"N": "1", "MM": "1", "METRES": "1"}
# what the parser raises; Typer has a copy of Click of its own
UsageError = typer.BadParameter.__base__
_BLOCK = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# a heading, in the table of parameters
TITLES = {"crackflow report"}
_INLINE = re.compile(r"`((?:crackflow|make|dvc|python -m) [^`]+)`")


def blocks(page):
    return _BLOCK.findall(page.read_text(encoding="utf-8"))


def commands(text):
    """The commands of a script, each as words: pipes, `&&` and `;` end one, comments are left out."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        words.whitespace_split, words.commenters = True, "#"
        command = []
        for word in [*words, ";"]:
            if set(word) <= set("|&;<>"):
                if command:
                    yield command
                command = []
            else:
                command.append(word)


def check(words, whole=True):
    """Fail where a command of ours, of make, of DVC or a module can't be called so.

    Whether it is one of these. Not `whole`: only its options are looked at, as far as they are given.
    """
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    match words:
        case ["crackflow", name, *given]:
            command = GROUP.commands.get(name)
            assert command, f"crackflow has no command {name}"
            if whole and "--help" not in given:
                command.make_context(name, [NUMBERS.get(word, word) for word in given])
            elif "--help" not in given:
                command.make_parser(typer.Context(command)).parse_args([*given, "X"])
        case ["crackflow"]:
            pass
        case ["make", *given]:
            asked = {word for word in given if "=" not in word}
            assert asked <= TARGETS, f"make has no target {asked - TARGETS}"
        case ["python", "-m", module, *_]:
            assert importlib.util.find_spec(module), f"there is no module {module}"
        case ["dvc", *given]:
            # ends the interpreter where DVC knows no such command or option
            parse_args(given)
        case _:
            return False
    return True


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page)], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_the_commands_of_a_page_can_be_called(page):
    for block in blocks(page):
        for words in commands(block):
            try:
                check(words)
            except (UsageError, SystemExit) as error:
                pytest.fail(f"{' '.join(words)}: {getattr(error, 'message', error)}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_within_a_sentence_name_options_that_there_are(page):
    """`crackflow predict --resume` leaves out what the sentence is not about."""
    for text in set(_INLINE.findall(page.read_text(encoding="utf-8"))) - TITLES:
        for words in commands(text):
            if words[0] == "crackflow":
                try:
                    check(words, whole=False)
                except UsageError as error:
                    pytest.fail(f"{text}: {error.message}")


def test_most_of_what_pages_show_is_ours():
    found = [check(words) for page in PAGES for block in blocks(page) for words in commands(block)]
    assert sum(found) > 60


@pytest.mark.parametrize(
    "wrong", ["crackflow predict A --out B --no-such", "crackflow nothing", "make nothing", "python -m nothing"]
)
def test_a_wrong_command_is_found(wrong):
    [words] = commands(wrong)
    with pytest.raises((AssertionError, UsageError)):
        check(words)


def test_a_command_ends_where_the_shell_ends_it():
    text = "A=1 make real && crackflow predict 'a b' \\\n  --out x  # as said\ncat list | crackflow predict -\n"
    assert list(commands(text)) == [
        ["A=1", "make", "real"],
        ["crackflow", "predict", "a b", "--out", "x"],
        ["cat", "list"],
        ["crackflow", "predict", "-"],
    ]
