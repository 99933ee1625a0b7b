"""Documentation that can fail: what it tells to type is typed, what it links to is there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

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
    for name in (
        "audit/report.html",
        "audit/findings.gpkg",
        "roads.gpkg",
        "model.safetensors",
        "probe/probe.png",
    ):
        assert (tmp_path / name).is_file(), name


def test_exports_page_runs(tmp_path):
    """Every command of the page about the ways out works, in its order, in an empty folder."""
    parser = CodeBlockParser(language="sh", evaluator=lambda example: run_shell(example, tmp_path))
    examples = list(Sybil(parsers=[parser]).parse(ROOT / "docs" / "exports.md").examples())
    assert len(examples) == 3
    for example in examples:
        example.evaluate()
    for name in (
        "findings.html",
        "audit/export/new-roads.osc",
        "audit/export/maproulette.geojson",
        "mended/diff.gpkg",
    ):
        assert (tmp_path / name).is_file(), name


def test_exports_page_names_every_format():
    """The table has a row for every format with its file's name, and for no other."""
    from mapsight.roads.export.formats import FORMATS

    page = (ROOT / "docs" / "exports.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z]+)` \| `([a-z.-]+)` \|", page, re.M))
    assert rows == {name: kind.file for name, kind in FORMATS.items()}


def test_gather_page(tmp_path, monkeypatch):
    """What needs no network runs; what needs it is spelt right: each command is parsed and its
    source understood.
    """
    from mapsight.cli.app import app
    from mapsight.geo.sources.gather import name_imagery
    from mapsight.geo.sources.template import read_template

    page = ROOT / "docs" / "gather.md"
    parser = CodeBlockParser(language="sh", evaluator=lambda example: run_shell(example, tmp_path))
    for example in Sybil(parsers=[parser]).parse(page).examples():
        example.evaluate()
    assert (tmp_path / "place" / "audit" / "findings.gpkg").is_file()

    monkeypatch.setenv("MAP_KEY", "x")
    command = typer.main.get_command(app).commands["gather"]
    blocks = "\n".join(re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.S))
    lines = [
        shlex.split(line)
        for line in blocks.replace("\\\n", " ").splitlines()
        if line.startswith("mapsight")
    ]
    assert len(lines) >= 5
    for words in lines:
        assert words[1] == "gather"
        given = command.make_context("gather", words[2:]).params
        if name_imagery(given["imagery"]) == "tiles":
            read_template(given["imagery"])
        if (given["roads"] or "").startswith("rendered:"):
            read_template(given["roads"].removeprefix("rendered:"))


def test_zoo_page_runs():
    """The recipe that docs/zoo.md adds is read, trained and drawn as the page says."""
    examples = list(
        Sybil(parsers=[PythonCodeBlockParser()]).parse(ROOT / "docs" / "zoo.md").examples()
    )
    assert len(examples) == 4
    for example in examples:
        example.evaluate()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    """Relative links and pictures of every page exist."""
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{page.name} → {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_section_stands_twice(page):
    """What is said once is changed in one place."""
    sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.M)
    assert len(set(sections)) == len(sections)


def list_commands() -> set[str]:
    """Every command, those of groups as 'lab sobel'; a group that does something by itself is one,
    too.
    """
    from mapsight.cli.app import app

    known = {str(command.name) for command in app.registered_commands}
    for group in app.registered_groups:
        if group.typer_instance.registered_callback:
            known.add(str(group.name))
        known |= {
            f"{group.name} {command.name}" for command in group.typer_instance.registered_commands
        }
    return known


def test_commands_page_knows_every_command():
    """docs/commands.md tells each command and sub-command that there is, and none that is not."""
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    groups = {command.partition(" ")[0] for command in list_commands() if " " in command}
    told = set()
    for first, second in re.findall(r"mapsight ([a-z-]+)(?: ([a-z-]+))?", text):
        told.add(f"{first} {second}" if first in groups and second else first)
    assert list_commands() == told


def list_options(command, found: set[str]) -> set[str]:
    """Every option of a command and of those below it, added to what is found."""
    for option in command.params:
        found |= {*option.opts, *option.secondary_opts}
    for below in getattr(command, "commands", {}).values():
        list_options(below, found)
    return found


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=lambda page: page.name
)
def test_options_exist(page):
    """A page names only options that mapsight or one of its benchmarks has; the changelog also
    names those that are gone.
    """
    from mapsight.cli.app import app

    option = r"(?<![\w-])--[a-z][a-z-]+"
    benchmarks = " ".join(path.read_text("utf-8") for path in (ROOT / "benchmarks").glob("*.py"))
    others = {"--help", "--nproc-per-node"}  # of every command, and of torchrun
    known = list_options(typer.main.get_command(app), others | set(re.findall(option, benchmarks)))
    assert set(re.findall(option, page.read_text("utf-8"))) <= known


def test_readme_commands_exist():
    """The README tells only commands and make targets that there are."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\s+mapsight ([a-z]+)", text, re.M)) <= list_commands()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"^\s+make ([a-z]+)", text, re.M)) <= targets


def test_a_decision_has_a_number_of_its_own():
    """No two decisions share a number, and the heading repeats the file's."""
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(path.name[:4]) for path in files]
    assert len(set(numbers)) == len(numbers)
    for number, path in zip(numbers, files, strict=True):
        assert path.read_text("utf-8").startswith(f"# {number}. "), path.name
