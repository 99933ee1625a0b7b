"""Lay the pages of the site together: `python docs/assemble.py`, then `zensical build --strict`.

The pages of this folder are copied to build/docs. To them come the pages of the root, a list of the
decisions, and one entry of the API page for each public name of mapsight. `make docs` runs both.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
SITE = ROOT / "build" / "docs"
# pages of the root, by their place in the site
ROOT_PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
DECISIONS = "decisions/index.md"
API_MARK = "<!-- api -->"


def assemble(target: Path) -> None:
    """Write all pages of the site into a folder, anew."""
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(ROOT / "docs", target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for source, place in ROOT_PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        (target / place).write_text(move_links(text), encoding="utf-8")
    (target / DECISIONS).write_text(list_decisions(target / "decisions"), encoding="utf-8")
    for page in target.rglob("*.md"):
        text = page.read_text(encoding="utf-8").replace(API_MARK, list_names())
        # what is folded is Markdown, too, which the site's dialect wants to be told
        page.write_text(text.replace("<details>", "<details markdown>"), encoding="utf-8")


def move_links(text: str) -> str:
    """The text of a page of the root, its links as they are from the top of the site."""

    def move(link: re.Match[str]) -> str:
        places = {**ROOT_PAGES, "docs/decisions/": DECISIONS}
        return "](" + places.get(link[1], link[1].removeprefix("docs/"))

    return re.sub(r"\]\(([^)#\s]+)", move, text)


def list_decisions(folder: Path) -> str:
    """A page with the heading of every decision, each a link to its own page."""
    rows = ["# Decisions", "", "Each page says what was decided, and why.", ""]
    for path in sorted(folder.glob("[0-9]*.md")):
        heading = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        rows.append(f"- [{heading.replace('. ', ': ', 1)}]({path.name})")
    return "\n".join(rows) + "\n"


def list_names() -> str:
    """A directive of mkdocstrings for each public function and class, where it is defined."""
    import mapsight

    names: Sequence[str] = getattr(mapsight, "__all__", ())
    things = {name: getattr(mapsight, name) for name in names}
    return "\n".join(
        f"::: {thing.__module__}.{thing.__qualname__}\n"
        f"    options:\n      heading: mapsight.{name}\n      toc_label: {name}\n"
        for name, thing in things.items()
        if callable(thing)  # the version is no function
    )


if __name__ == "__main__":
    assemble(Path(sys.argv[1]) if len(sys.argv) > 1 else SITE)
