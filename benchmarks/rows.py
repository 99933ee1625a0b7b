"""Runs of a long benchmark, one JSON object a line: what is made is kept, and not made again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mapsight.cli.console import say


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The runs that are already made."""
    return (
        [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        if path.is_file()
        else []
    )


def keep_row(path: Path, rows: list[dict[str, Any]], row: dict[str, Any]) -> None:
    """Adds a run to those made, and to their file."""
    rows.append(row)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    say(json.dumps(row))
