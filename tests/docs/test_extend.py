"""docs/how-to/extend.md: every example on the page runs."""

import re
import subprocess
import sys
from pathlib import Path

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


# Each in a namespace of its own, all in one process: importing TensorFlow takes seconds.
RUN = """
import sys
sys.path.insert(0, sys.argv[1])
for heading, code in eval(sys.stdin.read()).items():
    print(heading, file=sys.stderr)
    exec(compile(code, heading, "exec"), {"__name__": "__main__"})
"""


def test_the_examples_run(tmp_path):
    command = [sys.executable, "-c", RUN, str(ROOT)]
    done = subprocess.run(command, cwd=tmp_path, input=repr(examples()), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
