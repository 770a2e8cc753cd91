"""docs/how-to/extend.md: every example on the page runs, each section in a process of its own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/extend.md").read_text(encoding="utf-8")


def examples() -> dict[str, str]:
    """The Python blocks of each section, joined, by the section's heading."""
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    found = {}
    for section in sections:
        heading, _, text = section.partition("\n")
        found[heading] = "\n".join(re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL))
    return found


def test_every_section_has_an_example_of_at_most_forty_lines():
    assert all(1 < len(code.splitlines()) <= 40 for code in examples().values()), examples()


@pytest.mark.parametrize("heading", examples())
def test_an_example_runs(heading, tmp_path):
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + examples()[heading]
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
