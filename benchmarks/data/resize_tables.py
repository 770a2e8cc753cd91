"""The tables of docs/explanation/resize.md, from docs/results/resize.json."""

from typing import Any

from scripts.tables import fill, markdown


def filled(page: str, found: dict[str, Any]) -> str:
    """Put each measured part's table between its marks, in the place of what is there."""
    for name, table in TABLES.items():
        if name in found:
            page = fill(page, name, "`python -m benchmarks.data.resize`", table(found[name]))
    return page


def percent(value: float, sign: str = "") -> str:
    # a rounded zero has no sign
    return f"{100 * value + 0.0:{sign}.0f} %".replace("-0 %", "0 %").replace("+0 %", "0 %")


def lines(found: dict[str, Any]) -> str:
    """Every candidate; then the angles and widths at which the criterion can be met."""
    candidates = found["candidates"]
    first = next(iter(candidates.values()))
    has_real = "real" in first
    head = [
        "mask resized by",
        f"criterion met, of {first['possible']['masks']}",
        "length kept (least)",
        "area (worst)",
        "breaks",
        f"area, breaks of the other {first['impossible']['masks']}",
        *([f"real: met, of {first['real']['masks']}", "length (least)", "area (worst)", "breaks"] if has_real else []),
        "ms",
    ]
    rows = []
    for name, parts in candidates.items():
        made, other = parts["possible"], parts["impossible"]
        row = [name, *summary(made), f"{percent(other['area_mean'], '+')}, {other['breaks']:,}"]
        rows.append([*row, *(summary(parts["real"]) if has_real else []), f"{made['ms']:.1f}"])
    widths = [key for key in found["possible"][0] if key != "degrees"]
    angles = [
        [f"{row['degrees']}°"]
        + [
            f"{row[width]['possible']} of {row[width]['of']}; area "
            + ", ".join(percent(area, "+") for area in row[width]["area"])
            for width in widths
        ]
        for row in found["possible"]
    ]
    return markdown(head, rows) + "\n" + markdown(["line", *(f"{width} px" for width in widths)], angles)


def summary(row: dict[str, Any]) -> list[str]:
    return [
        str(row["met"]),
        f"{percent(row['kept_mean'])} ({percent(row['kept_least'])})",
        f"{percent(row['area_mean'], '+')} ({percent(row['area_worst'])})",
        f"{row['breaks']:,}",
    ]


def images(found: dict[str, Any]) -> str:
    shapes = list(next(iter(found.values())))
    head = ["photograph resized by"]
    for shape in shapes:
        head += [f"{shape}: contrast kept", "faintest 5 % (worst)", "ms"]
    rows = []
    for name, parts in found.items():
        row = [name]
        for shape in shapes:
            part = parts[shape]
            row += [
                percent(part["mean"]),
                f"{percent(part['faintest'])} ({percent(part['worst'])})",
                f"{part['ms']:.1f}",
            ]
        rows.append([*row, percent(max(part["overshoot"] for part in parts.values()))])
    return markdown([*head, "overshoot"], rows)


def png(found: list[dict[str, Any]]) -> str:
    rows = [
        [str(row["level"]), row["filter"], f"{row['kB']:.0f}", f"{row['write_ms']:.1f}", f"{row['read_ms']:.1f}"]
        for row in found
    ]
    return markdown(["level", "filter", "kB", "ms to write", "ms to read"], rows)


def speed(found: dict[str, Any]) -> str:
    rows = [[name, f"{seconds:.2f}"] for name, seconds in found["s"].items()]
    return (
        markdown([f"{found['pairs']} pairs, median of {found['rounds']}", "s"], rows)
        + f"\nTwo cores are {found['one_over_two']:.2f} times as quick as one; the stage takes "
        f"{found['stage_over_bare']:.2f} times as long as the bare pool, and does {found['pairs_per_s']:.0f} pairs a "
        "second.\n"
    )


def incremental(found: dict[str, Any]) -> str:
    names = {
        "first": f"the first run, of {found['pairs']}",
        "again": "the same again",
        "added": f"{found['more']} added",
        "changed": "one photograph changed",
    }
    rows = [[text, str(found[name]["decoded"]), f"{found[name]['s']:.2f}"] for name, text in names.items()]
    return markdown(["run", "pairs decoded", "s"], rows)


def memory(found: dict[str, Any]) -> str:
    rows = [[f"{int(number):,}", f"{part['MiB']:.0f}", f"{part['s']:.0f}"] for number, part in found.items()]
    return markdown(["pairs", "peak memory, MiB", "s"], rows)


TABLES = {
    "lines": lines,
    "images": images,
    "png": png,
    "speed": speed,
    "incremental": incremental,
    "memory": memory,
}
