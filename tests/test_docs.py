"""Documentation that can fail: what it tells to type is typed, what it links to is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def run_shell(example, folder: Path) -> None:
    """Runs the `mapsight` lines of a block, one after the other, in a folder."""
    for line in example.parsed.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            assert words[0] == "mapsight", f"only mapsight commands are run here: {line}"
            command = [sys.executable, "-m", *words]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, f"{line}\n{done.stderr}"


def test_quickstart_runs(tmp_path):
    """Every command of the quickstart works, in its order, in an empty folder."""
    parser = CodeBlockParser(language="sh", evaluator=lambda example: run_shell(example, tmp_path))
    examples = list(Sybil(parsers=[parser]).parse(ROOT / "docs" / "quickstart.md").examples())
    assert len(examples) >= 4
    for example in examples:
        example.evaluate()
    for name in ("audit/report.html", "audit/findings.gpkg", "roads.gpkg", "model.safetensors", "probe/probe.png"):
        assert (tmp_path / name).is_file(), name


def test_exports_page_runs(tmp_path):
    """Every command of the page about the ways out works, in its order, in an empty folder."""
    parser = CodeBlockParser(language="sh", evaluator=lambda example: run_shell(example, tmp_path))
    examples = list(Sybil(parsers=[parser]).parse(ROOT / "docs" / "exports.md").examples())
    assert len(examples) == 3
    for example in examples:
        example.evaluate()
    for name in ("findings.html", "audit/export/new-roads.osc", "audit/export/maproulette.geojson", "mended/diff.gpkg"):
        assert (tmp_path / name).is_file(), name


def test_exports_page_names_every_format():
    """The table has a row for every format with its file's name, and for no other."""
    from mapsight.roads.export.formats import FORMATS

    page = (ROOT / "docs" / "exports.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z]+)` \| `([a-z.-]+)` \|", page, re.M))
    assert rows == {name: kind.file for name, kind in FORMATS.items()}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    """Relative links and pictures of every page exist."""
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} → {target}"


def test_readme_commands_exist():
    """The README tells only commands and make targets that there are."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    from mapsight.cli.app import app

    known = {command.name for command in app.registered_commands}
    assert set(re.findall(r"^\s+mapsight ([a-z]+)", text, re.M)) <= known
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"^\s+make ([a-z]+)", text, re.M)) <= targets
