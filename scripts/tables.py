"""Tables in Markdown pages: programs write them between marks that name the program."""

from collections.abc import Iterable


def fill(page: str, name: str, by: str, content: str) -> str:
    """Replace what stands between two marks of a page.

    Args:
        page: text with one place `<!-- NAME: written by BY -->` to `<!-- end of NAME -->`.
        name: which place.
        by: the command, as the mark says it.
        content: whole lines.

    Returns:
        The page with `content` in that place.

    Raises:
        ValueError: when the page has not just one such place.
    """
    start, end = f"<!-- {name}: written by {by} -->\n", f"<!-- end of {name} -->"
    before, _, rest = page.partition(start)
    _, found, after = rest.partition(end)
    number = page.count(start) if found else 0
    if number != 1:
        raise ValueError(f"the page has {number} places for {name}, expected one")
    return f"{before}{start}{content}{end}{after}"


def markdown(head: Iterable[object], rows: Iterable[Iterable[object]], rule: str = "---") -> str:
    """Write a table.

    Args:
        head: the titles of the columns.
        rows: their cells; None is an empty one.
        rule: what stands below every title but the first: `---:` sets numbers to the right.

    Returns:
        Lines, each with its end.
    """
    titles = list(head)
    lines: list[Iterable[object]] = [titles, ["---", *[rule] * (len(titles) - 1)], *rows]
    return "".join(f"| {' | '.join('' if cell is None else str(cell) for cell in line)} |\n" for line in lines)
