"""Commands run in this process as the console script runs them, over a small drawn town."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from mapsight.cli.app import main


class Outcome(NamedTuple):
    status: int
    out: str
    err: str


def call(*arguments: object) -> int:
    """The exit status of `mapsight ARGUMENTS`."""
    before, sys.argv = sys.argv, ["mapsight", *map(str, arguments)]
    try:
        main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.argv = before
    return 0


@pytest.fixture
def run(capfd):
    """Runs a command and catches what it prints."""

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        status = call(*arguments)
        caught = capfd.readouterr()
        return Outcome(status, caught.out, caught.err)

    return run


@pytest.fixture(scope="session")
def town(tmp_path_factory) -> Path:
    """A town of 600 m with three mistakes of each kind in its map."""
    folder = tmp_path_factory.mktemp("town")
    assert (
        call(
            "town", "--out", folder, "--seed", 4, "--size-px", 600, "--m-per-px", 1, "--mistakes", 3
        )
        == 0
    )
    return folder


@pytest.fixture(scope="session")
def model(town, tmp_path_factory) -> Path:
    """A model that has hardly learnt anything: enough to run every command."""
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    arguments = (
        "--net",
        "roadnet-tiny",
        "--epochs",
        1,
        "--chips",
        8,
        "--chip-px",
        64,
        "--out",
        path,
    )
    assert call("train", town / "image.tif", "--map", town / "true_roads.gpkg", *arguments) == 0
    return path
