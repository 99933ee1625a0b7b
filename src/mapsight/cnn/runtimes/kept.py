"""A model's ONNX form, made once and kept in the user's cache: making it takes seconds."""

from __future__ import annotations

import importlib.metadata
import tempfile
from contextlib import suppress
from pathlib import Path

from mapsight.atomic import write_atomically
from mapsight.cache import find_cache_dir
from mapsight.cnn.checkpoint import Model, fingerprint
from mapsight.errors import InputError

_PACKAGES = ("torch", "onnx", "onnxscript")
_KEPT = 20  # files; the ones used longest ago go first


def read_onnx_form(model: Model) -> bytes:
    """The bytes of an ONNX file with free height and width, from the cache where they are there.

    Its name is a digest of weights, scaling and the versions of what writes it. A cache that cannot
    be written is done without.
    """
    versions = [importlib.metadata.version(name) for name in _PACKAGES]
    net, card = model
    name = fingerprint(net, card.net, card.scale_mean, card.scale_std, *versions)
    path = find_cache_dir() / "onnx" / f"{name}.onnx"
    with suppress(OSError):
        kept = path.read_bytes()
        path.touch()
        return kept
    made = _make(model)
    with suppress(OSError, InputError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as temporary:
            temporary.write_bytes(made)
        by_age = sorted(path.parent.glob("*.onnx"), key=lambda file: file.stat().st_mtime)
        for file in by_age[:-_KEPT]:
            file.unlink(missing_ok=True)
    return made


def _make(model: Model) -> bytes:
    from mapsight.cnn.onnx_file import export_onnx

    with tempfile.TemporaryDirectory(prefix="mapsight-") as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(model, path, tile_px=None)
        return path.read_bytes()
