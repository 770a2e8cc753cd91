"""Words that come from strangers, such as names of files, made safe for the place where they are shown.

One function for each kind of place: a terminal or log, a table's cell, a name that stands in file names and pages.
HTML is escaped by Jinja (crackflow/visualization/html_report.py), Markdown by pipelines/markdown.py.
"""

import re

# what a spreadsheet takes for the beginning of a formula (OWASP, "CSV Injection")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# DVC writes names of pictures into its pages as they are
_HTML = re.compile(r'[<>"]')


def printable(text: str) -> str:
    r"""Give a text for a terminal, in one line: U+FFFD for escapes, line ends and bytes that are no text.

    >>> printable("a\x1b[31m.jpg")
    'a�[31m.jpg'
    """
    return text if text.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in text)


def cell(text: str) -> str:
    """Give a text for a cell of a CSV; what a spreadsheet would compute gets an apostrophe before it.

    >>> cell("=cmd|' /C calc'!A0")
    "'=cmd|' /C calc'!A0"
    """
    # a return alone ends a row for some readers, and Python's writer puts no quotes around it
    text = text.replace("\r", "\n")
    return f"'{text}" if text.startswith(_FORMULA) else text


def identifier(name: str) -> str:
    """Give a name that a pair can have: it is a file's name, a cell of tables that are read again, and part of pages.

    >>> identifier("<b>x"), identifier("=1+1")
    ('_b_x', '_=1+1')
    """
    name = _HTML.sub("_", name)
    return f"_{name}" if name.startswith(_FORMULA) else name
