"""`import mapsight`: a dozen names, at once, silent, and explained."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import mapsight

SOURCE = Path(mapsight.__file__).parent
FUNCTIONS = [name for name in mapsight.__all__ if name.islower() and name[0] != "_"]


def test_import_loads_nothing():
    """The import itself needs only the standard library; what is asked for loads what it needs."""
    script = (
        "import sys; before = set(sys.modules); import mapsight; dir(mapsight);"
        " new = {name.split('.')[0] for name in set(sys.modules) - before};"
        " print(*sorted(new - sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {script}"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["mapsight"]


def test_names():
    """All twelve are there, and nothing else."""
    assert set(mapsight.__all__) == {
        *("audit", "predict", "extract", "train", "evaluate", "read_audit", "plant", "score"),
        *("Audit", "Finding", "MapsightError", "__version__"),
    }
    assert set(mapsight.__all__) <= set(dir(mapsight))
    for name in mapsight.__all__:
        assert getattr(mapsight, name) is getattr(mapsight, name)
    with pytest.raises(AttributeError, match="audits"):
        _ = mapsight.audits


def test_types_are_those_at_run_time():
    """What a type checker is told of a name is what is loaded for it."""
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    (told,) = (node for node in tree.body if isinstance(node, ast.If))
    homes = {
        alias.name: node.module
        for node in told.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert homes == {
        name: getattr(mapsight, name).__module__
        for name in mapsight.__all__
        if name != "__version__"
    }
    assert (SOURCE / "py.typed").is_file()


@pytest.mark.slow
def test_a_type_checker_knows_the_names(tmp_path):
    """Who uses mapsight is told what comes back, and that a misspelt name is none."""
    pytest.importorskip("mypy", reason="needs mapsight[dev]")
    (tmp_path / "use.py").write_text(USE, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports", "use.py"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(SOURCE.parent)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert [line.split(": ", 1)[1] for line in done.stdout.splitlines()[:-1]] == [
        'error: Module has no attribute "audits"; maybe "audit"?  [attr-defined]'
    ], done.stdout


USE = """
from pathlib import Path
from typing import assert_type

import mapsight

audit = mapsight.audit("image.tif", "map.gpkg", folds=0)
assert_type(audit, mapsight.Audit)
assert_type(audit.ranked, tuple[mapsight.Finding, ...])
assert_type(mapsight.read_audit("out").threshold, float)
assert_type(mapsight.predict("image.tif", "p.tif"), Path)
assert_type(mapsight.predict("image.tif").threshold, float | None)
assert_type(mapsight.score(audit, "planted.geojson").planted, int)
assert_type(mapsight.__version__, str)
mapsight.audits("image.tif", "map.gpkg")
"""


@pytest.mark.parametrize("name", [*FUNCTIONS, "Audit", "Finding"])
def test_every_parameter_is_explained(name):
    """Docstrings in numpydoc form name each parameter, what comes back and what is raised."""
    thing = getattr(mapsight, name)
    doc = inspect.getdoc(thing)
    assert doc is not None
    sections = ("Parameters", "Returns", "Raises") if name in FUNCTIONS else ("Parameters",)
    for section in sections:
        assert f"\n{section}\n{'-' * len(section)}\n" in doc, section
    told = doc.split("\nParameters\n")[1].split("\nReturns\n")[0]
    named = {
        word.strip()
        for line in told.splitlines()
        if line[:1].strip()
        for word in line.split(" : ")[0].split(",")
    }
    missing = set(inspect.signature(thing).parameters) - named
    assert not missing


def test_functions_can_be_followed():
    """No function of the door has more than five positional parameters or twelve local names."""
    for path in (SOURCE / "api").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                assert len(node.args.posonlyargs + node.args.args) <= 5, node.name
                assert len(list_locals(node)) <= 12, (node.name, list_locals(node))


def list_locals(function: ast.FunctionDef) -> set[str]:
    """Names that the function binds, its parameters aside."""
    arguments = function.args
    told = {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    inside = (
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    return set(inside) - told
