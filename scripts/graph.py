"""Write the code that each stage of dvc.yaml depends on, from what its module imports: `make graph`.

`--check` writes nothing and fails where dvc.yaml differs.
"""

import re
import sys

from tasks.code_closure import ROOT, closure

GRAPH = ROOT / "dvc.yaml"
STAGE = re.compile(r"^  (\w+):$")
CODE = re.compile(r"^      - (crackflow|tasks)/.*\.py$")


def main() -> int:
    text = GRAPH.read_text(encoding="utf-8")
    written = graph(text)
    if "--check" in sys.argv[1:]:
        print(f"dvc.yaml {'is true' if written == text else 'is stale: run `make graph`'}")
        return int(written != text)
    GRAPH.write_text(written, encoding="utf-8", newline="\n")
    return 0


def graph(text: str) -> str:
    """Give dvc.yaml's text with the code deps of each stage replaced; everything else stays to the letter.

    Args:
        text: dvc.yaml. A stage's code deps stand together in one place of its list.

    Raises:
        ImportError: when a stage has no module in tasks/.
    """
    lines: list[str] = []
    stage, written = "", set()
    for line in text.splitlines():
        if line and not line.startswith(" "):
            stage = ""
        if found := STAGE.match(line):
            stage = found[1]
        if not (stage and CODE.match(line)):
            lines.append(line)
        elif stage not in written:
            written.add(stage)
            names = sorted(closure(f"tasks.{stage}"), key=lambda name: (name != f"tasks/{stage}.py", name))
            lines += [f"      - {name}" for name in names]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
