from scripts.graph import graph
from tasks.code_closure import closure

OLD = """# words
stages:
  split:
    deps:
      - data/resized.csv
      - tasks/gone.py
      - crackflow/gone.py
    params: [split]
    outs:
      - data/split.csv

plots:
  - reports/x
"""


def test_code_deps_are_written_and_nothing_else():
    rest = [name for name in closure("tasks.split") if name != "tasks/split.py"]
    lines = "".join(f"      - {name}\n" for name in ["tasks/split.py", *rest])
    assert len(rest) > 3
    assert graph(OLD) == OLD.replace("      - tasks/gone.py\n      - crackflow/gone.py\n", lines)
    assert graph(graph(OLD)) == graph(OLD)
