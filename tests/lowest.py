"""Prints the lowest versions that pyproject.toml allows, as constraints for `make test-lowest`.

torch stands aside: its old CPU builds are not where wheels usually come from.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

_LOWEST = re.compile(r"([A-Za-z0-9_.-]+)>=([0-9][0-9.]*)")
_ASIDE = ("torch",)
_TOOLS = ("test", "dev", "docs")  # what only tests and pages need may be new


def list_lowest(project: Path) -> list[str]:
    """The lower bound of each dependency of the package and its extras, as `name==version`."""
    told = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    extras = told["optional-dependencies"]
    wanted = told["dependencies"] + [
        line for extra, lines in extras.items() if extra not in _TOOLS for line in lines
    ]
    found = [_LOWEST.match(line) for line in wanted]
    return [f"{m[1]}=={m[2]}" for m in found if m and m[1] not in _ASIDE]


if __name__ == "__main__":
    sys.stdout.write("\n".join(list_lowest(Path("pyproject.toml"))) + "\n")
