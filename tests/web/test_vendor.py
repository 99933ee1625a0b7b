"""The shipped libraries are those that their makers published, at the versions that are named."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

VENDOR = Path(__file__).parent.parent.parent / "src" / "mapsight" / "web" / "static" / "vendor"


def test_hashes():
    """Every script and style is listed with its SHA-256, and none besides."""
    listed = dict(
        reversed(line.split()) for line in (VENDOR / "SHA256SUMS").read_text("utf-8").splitlines()
    )
    shipped = {path.name for path in VENDOR.iterdir() if path.suffix in (".js", ".mjs", ".css")}
    assert shipped == set(listed)
    for name, digest in listed.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name


def test_versions_agree():
    """package.json pins exactly, the lock file and the README say the same, and so does the library
    itself.
    """
    wanted = json.loads((VENDOR / "package.json").read_text("utf-8"))
    locked = json.loads((VENDOR / "package-lock.json").read_text("utf-8"))["packages"]
    readme = (VENDOR / "README.md").read_text("utf-8")
    for name, version in wanted["dependencies"].items():
        assert locked[f"node_modules/{name}"]["version"] == version
        assert f"| {name} | {version} |" in readme
    head = (VENDOR / "maplibre-gl.mjs").read_text("utf-8")[:400]
    assert f"v{wanted['dependencies']['maplibre-gl']}/" in head


def test_nothing_is_loaded_from_abroad():
    """No style or page of ours names another host to load from."""
    static = VENDOR.parent
    for path in [*static.glob("*"), *VENDOR.glob("*.css")]:
        if path.suffix in (".css", ".html"):
            text = path.read_text("utf-8")
            assert "url(http" not in text and 'src="http' not in text and "@import" not in text, (
                path.name
            )
