"""A piece of Python in a process of its own, which takes no module from the folder that it runs in.

`python -c` puts the current folder before all others. A folder of photographs with a json.py would run it.
"""

import os
import sys
from collections.abc import Mapping


def command(code: str, *arguments: str) -> list[str]:
    """Give the command line that runs a piece of code with this Python; `arguments` are its sys.argv[1:]."""
    return [sys.executable, "-P", "-c", code, *arguments]


def with_own_path(environment: Mapping[str, str]) -> dict[str, str]:
    """Give an environment in which the same modules are found as here."""
    return {**environment, "PYTHONPATH": os.pathsep.join(one for one in sys.path if one)}
