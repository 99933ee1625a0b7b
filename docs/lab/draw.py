"""Draws the figures of the chapters anew: runs every `mapsight` line of their `sh` blocks in this
folder.

python docs/lab/draw.py
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
CHAPTERS = sorted(FOLDER.glob("[0-9][0-9]-*.md"))


def list_commands(text: str) -> list[list[str]]:
    """The arguments of every `mapsight …` line in a page's `sh` blocks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    lines = [
        line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()
    ]
    return [shlex.split(line, comments=True) for line in lines]


if __name__ == "__main__":
    for chapter in CHAPTERS:
        for command in list_commands(chapter.read_text(encoding="utf-8")):
            print("+", shlex.join(command), flush=True)
            subprocess.run(
                [sys.executable, "-m", *command], cwd=FOLDER, check=True, stdout=subprocess.DEVNULL
            )
