import subprocess
import sys

from rich.table import Table

from pipelines.terminal import say, say_error, show


def test_brackets_and_colons_of_a_name_are_shown(capsys):
    table = Table()
    table.add_column("path")
    table.add_row("a[/b]/[red]_1:smile:.jpg")
    show(table)
    assert "a[/b]/[red]_1:smile:.jpg" in capsys.readouterr().out


def test_a_line_moves_no_cursor_and_shows_no_password(capsys):
    say("photo \x1b[2J\n1")
    say_error("no \x1b[2J at https://me:pa55@host/x")
    shown = capsys.readouterr()
    assert shown.out == "photo \ufffd[2J\ufffd1\n"
    assert shown.err == "error: no \ufffd[2J at https://host/x\n"


def test_a_name_that_a_terminal_has_no_letters_for_ends_no_command():
    code = "from pipelines.command_group import any_letter; any_letter(); print('\\u00fc')"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONIOENCODING": "ascii"}, capture_output=True, check=True
    )
    assert done.stdout == b"\\xfc\n"
