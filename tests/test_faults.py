"""Claims about the last word on a fault: one line that names the file."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import time
import zlib

import pyogrio
import pyproj
import pytest
import rasterio
import shapely
from PIL import Image
from safetensors import safe_open

from mapsight.cli import app
from mapsight.faults import explain_fault, is_of_library, note_file

FAULTS = {
    "GDAL's rasters": lambda path: rasterio.open(path),
    "GDAL's vectors": lambda path: pyogrio.read_dataframe(path),
    "PROJ": lambda path: pyproj.CRS("no such system"),
    "GEOS": lambda path: shapely.from_wkb(b"\x01\x02"),
    "SQLite": lambda path: sqlite3.connect(path).execute("SELECT * FROM x"),
    "safetensors": lambda path: safe_open(path, framework="np").keys(),
    "Pillow": lambda path: Image.open(path),
    "JSON": lambda path: json.loads(path.read_text()),
    "zlib": lambda path: zlib.decompress(path.read_bytes()),
    "Unicode": lambda path: b"\xff".decode(),
}


@pytest.mark.parametrize("name", FAULTS)
def test_libraries_are_quoted_in_one_line(tmp_path, name):
    """What a library raises over a file of rubbish is known as such and names the file."""
    path = tmp_path / "rubbish.dat"
    path.write_text("rubbish " * 50)
    note_file(path)
    with pytest.raises(Exception) as caught:
        FAULTS[name](path)
    line = explain_fault(caught.value)
    assert is_of_library(caught.value)
    assert "\n" not in line
    assert str(path) in line


def test_our_own_faults_are_not_blamed_on_the_file():
    """A fault of ours says how to learn more of it."""
    line = explain_fault(IndexError("list index\nout of range"))
    assert "(IndexError: list index); run again with --debug" in line


@pytest.mark.parametrize("debug", [False, True])
def test_the_command_line_shows_a_traceback_only_when_asked(monkeypatch, capsys, debug):
    """One line and status 2, or the exception itself."""

    def fail(args):
        raise KeyError("a", "b")

    monkeypatch.setattr(app, "app", fail)
    monkeypatch.setattr(sys, "argv", ["mapsight", "audit", *(["--debug"] if debug else [])])
    with pytest.raises(KeyError if debug else SystemExit):
        app.main()
    assert len(capsys.readouterr().err.splitlines()) == (0 if debug else 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize(
    ("command", "keeps"), [("train", "whole epoch"), ("extract", "afresh"), ("predict", "rows")]
)
def test_signals_end_a_command_tidily(monkeypatch, capsys, number, command, keeps):
    """Whatever ends it, what is open is closed, and one line says what the command keeps."""
    closed = []

    def work(args):
        try:
            os.kill(os.getpid(), number)
            time.sleep(60)
        finally:
            closed.append(True)

    monkeypatch.setattr(app, "app", work)
    monkeypatch.setattr(sys, "argv", ["mapsight", command])
    with pytest.raises(SystemExit) as stop:
        app.main()
    assert closed
    assert stop.value.code == 130
    (line,) = capsys.readouterr().err.splitlines()
    assert keeps in line


def test_an_ignored_hangup_stays_ignored(monkeypatch):
    """`nohup mapsight …` goes on when the terminal goes."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        monkeypatch.setattr(app, "app", lambda args: os.kill(os.getpid(), signal.SIGHUP))
        app.main()
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
