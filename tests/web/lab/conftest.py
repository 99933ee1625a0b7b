"""The page's scripts run outside a browser, and a desk with the first drawn town on it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs mapsight[web]")

from mapsight.roads.training.shipped import read_model_or_default
from mapsight.web.base import STATIC
from mapsight.web.lab.desk import Desk
from mapsight.web.lab.tile import Tile


def find_node() -> str | None:
    """Node from the system, or the one that playwright brings."""
    try:
        import playwright
    except ImportError:
        return shutil.which("node")
    own = Path(playwright.__file__).parent / "driver" / "node"
    return shutil.which("node") or (str(own) if own.is_file() else None)


@pytest.fixture(scope="session")
def javascript():
    """javascript(module, body, data): what `body` returns, given the module as `m` and the data as
    `data`.
    """
    node = find_node()
    if node is None:
        pytest.skip("no Node.js here to run the page's scripts with")

    def run(module: str, body: str, data: Any) -> Any:
        address = json.dumps((STATIC / "lab" / module).as_uri())
        script = (
            f"import * as m from {address}; import {{ readFileSync }} from 'node:fs';const data ="
            f" JSON.parse(readFileSync(0, 'utf8')); const work = () => {{ {body}"
            " };console.log(JSON.stringify(work(), (_, v) => (ArrayBuffer.isView(v) ?"
            " Array.from(v) : v)));"
        )
        command = [node, "--input-type=module", "-e", script]
        done = subprocess.run(
            command,
            input=json.dumps(data),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def desk() -> Desk:
    """The shipped net, and drawn towns."""
    return Desk(read_model_or_default(None))


@pytest.fixture(scope="session")
def town_tile(desk) -> Tile:
    """Town 0: three mistakes in its map."""
    return desk.get_tile("town-0")
