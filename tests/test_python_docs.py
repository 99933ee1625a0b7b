"""The page about Python and the notebook: all their code runs, on a drawn town."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

import mapsight

from .test_docs import ROOT, run_shell

PAGE = ROOT / "docs" / "python.md"
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def test_python_page_runs(tmp_path, monkeypatch):
    """Every block works, in its order, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    shell = CodeBlockParser(language="sh", evaluator=lambda example: run_shell(example, tmp_path))
    page = Sybil(parsers=[shell, PythonCodeBlockParser()]).parse(PAGE)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for example in page.examples():
            example.evaluate()
    for told in ("of 9 mistakes are found", "km\n", "nowhere.gpkg", " m. "):
        assert told in said.getvalue(), told
    for name in ("wrong.geojson", "audit/report.html", "roads.gpkg", "own.safetensors"):
        assert (tmp_path / name).is_file(), name


def test_python_page_names_every_function():
    """Each public function is used on the page, each attribute of an audit is in the table."""
    page = PAGE.read_text(encoding="utf-8")
    functions = [name for name in mapsight.__all__ if name.islower() and name[0] != "_"]
    assert all(f"mapsight.{name}" in page for name in functions)
    told = {
        *mapsight.Audit.__dataclass_fields__,
        "ranked",
        "map_lines",
        "seen_lines",
        "probability",
    }
    told -= {"load_layer", "load_probability"}
    assert not {name for name in told if f"`{name}`" not in page}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, tmp_path, monkeypatch):
    """Every cell works, pictures come of it, and it is kept without what it gave."""
    nbformat = pytest.importorskip("nbformat", reason="needs mapsight[test]")
    nbclient = pytest.importorskip("nbclient", reason="needs mapsight[test]")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
    monkeypatch.setenv("PATH", os.pathsep.join([make_command(tmp_path), os.environ["PATH"]]))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    run = nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    run.execute()
    given = [output for cell in cells for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in given) >= 4
    assert (tmp_path / "findings.geojson").is_file()


def make_command(folder: Path) -> str:
    """A folder in which `mapsight` is this interpreter's."""
    script = folder / "bin" / "mapsight"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mapsight "$@"\n')
    script.chmod(0o755)
    return str(script.parent)
