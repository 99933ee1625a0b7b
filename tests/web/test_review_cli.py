"""`mapsight review` as it is typed: it says where it is, ends cleanly, and its faults are one
line.
"""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

pytest.importorskip("rio_tiler", reason="needs mapsight[web]")

from mapsight.cli.app import main
from mapsight.cli.options import load_web
from mapsight.errors import MapsightError
from mapsight.web.serve import bind
from tests.servers import hear

DOCS = Path(__file__).parent.parent.parent / "docs"


def review(*arguments: object) -> subprocess.Popen:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "mapsight", "review", *map(str, arguments), "--no-browser"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_it_serves_and_ends(audit):
    """The page is there under the address it says; Ctrl-C gives status 0 and one plain file."""
    server = review(audit, "--port", 0, "--reviewer", "Zoë")
    try:
        line = hear(server)
        assert "http" in line, line
        address = line.split()[4]
        with urllib.request.urlopen(address + "api/review", timeout=120) as answer:
            assert '"reviewer":"Zoë"' in answer.read().decode("utf-8")
        server.send_signal(signal.SIGINT)
        _, rest = server.communicate(timeout=120)
    finally:
        server.kill()
    assert (server.returncode, rest) == (0, "ended\n")
    assert sorted(p.name for p in audit.glob("findings*")) == ["findings.gpkg"]


def test_faults_are_one_line(audit, tmp_path, monkeypatch, capsys):
    """A taken port and a folder that is no audit: status 2, one line with the remedy."""
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        for folder, remedy in ((audit, "--port"), (tmp_path, "mapsight audit --out")):
            arguments = ["mapsight", "review", str(folder), "--no-browser", "--port", str(port)]
            monkeypatch.setattr(sys, "argv", arguments)
            with pytest.raises(SystemExit) as stop:
                main()
            said = capsys.readouterr().err
            assert (stop.value.code, said.count("\n")) == (2, 1)
            assert remedy in said


def test_a_missing_extra_is_named(monkeypatch):
    """Without what serves pages the remedy is the command that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MapsightError, match=r"pip install 'mapsight\[web\]'"):
        load_web()


def test_the_documented_python_runs(audit):
    """The block in docs/review.md reads the verdicts of an audit."""
    ran = []

    def run(example) -> None:
        done = subprocess.run(
            [sys.executable, "-c", example.parsed],
            cwd=audit.parent,
            check=True,
            capture_output=True,
        )
        ran.append(done.returncode)

    for example in (
        Sybil(parsers=[CodeBlockParser(language="python", evaluator=run)])
        .parse(DOCS / "review.md")
        .examples()
    ):
        example.evaluate()
    assert ran == [0]
