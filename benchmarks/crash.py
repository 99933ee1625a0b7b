"""Killed commands and full disks: `python -m benchmarks.crash --kills N --seed S`.

Each command is killed (signal 9) at a random moment and given again. Counted are files that cannot
be read under their names, hidden files that stay, and second runs that fail. Then each writer runs
with files limited to so many bytes, which is a full disk for it.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mapsight.geo.network import check_layers
from mapsight.geo.raster import check_raster

_SIZES = np.geomspace(200, 400_000, 20).astype(int)
_CHECKS: dict[str, Callable[[Path], None]] = {
    ".tif": check_raster,
    ".gpkg": check_layers,
    ".geojson": check_layers,
}
COMMANDS = {
    "train": "train {town}/image.tif --map {town}/map.gpkg --net roadnet-tiny --epochs 3 --chips 8"
    " --chip-px 64 --out {out}/m.safetensors",
    "predict": "predict {town}/image.tif --out {out}/p.tif",
    "audit": "audit {town}/image.tif {town}/map.gpkg --folds 0 --out {out}/a",
    "gather": "gather --bbox {bbox} --imagery {town} --m-per-px 1 --out {out}/g",
    "chips": "chips {town}/image.tif --map {town}/map.gpkg --chip-px 64 --gap-px 16 --out {out}/c",
    "export": "export {audit} --to gpkg --out {out}/e.gpkg",
    "verdicts": "verdicts {audit}",
}


def main() -> None:
    """Print a line a command: kills, and what each left."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=5, help="for each command")
    parser.add_argument("--sizes", type=int, default=len(_SIZES), help="of a full disk")
    parser.add_argument("--commands", nargs="*", default=list(COMMANDS), choices=COMMANDS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        places = draw_places(Path(folder))
        for name in options.commands:
            killed = sum((kill(name, places, rng) for _ in range(options.kills)), Counter())
            print(f"{name}: killed {options.kills} times: {dict(killed)}", flush=True)
            full: Counter[str] = Counter()
            for size in _SIZES[:: max(len(_SIZES) // max(options.sizes, 1), 1)][: options.sizes]:
                full += fill(name, places, int(size))
            print(f"{name}: full disk at {options.sizes} sizes: {dict(full)}", flush=True)


def draw_places(folder: Path) -> dict[str, str]:
    """A town, its bounds in degrees and an audit of it, by the names that commands use."""
    import rasterio
    from rasterio.warp import transform_bounds

    places = {"town": str(folder / "town"), "audit": str(folder / "audit")}
    _run(f"town --out {places['town']} --size-px 300 --m-per-px 1 --seed 4".split())
    command = f"audit {places['town']}/image.tif {places['town']}/map.gpkg --folds 0"
    _run([*command.split(), "--out", places["audit"]])
    with rasterio.open(f"{places['town']}/image.tif") as image:
        bounds = transform_bounds(image.crs, "EPSG:4326", *image.bounds)
    return places | {"bbox": " ".join(f"{value:.6f}" for value in bounds)}


def kill(name: str, places: dict[str, str], rng: np.random.Generator) -> Counter[str]:
    """Kill a command, look at what is there, give it again, and look again."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        out.mkdir()
        words = _fill_in(name, places, out)
        child = _start(words)
        time.sleep(float(rng.uniform(0.5, 8)))
        ended = child.poll() is not None
        child.send_signal(signal.SIGKILL)
        child.wait()
        found = Counter({"ended before": int(ended), "unreadable": count_unreadable(out)})
        status = _start(words).wait()
        found += Counter({"second run failed": int(status != 0)})
        found += Counter({"unreadable after": count_unreadable(out)})
        hidden = [path for path in out.rglob(".*") if path.name != ".gitignore"]
        return found + Counter({"left behind": len(hidden)})


def fill(name: str, places: dict[str, str], size: int) -> Counter[str]:
    """Run a command whose files may not grow beyond so many bytes."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        out.mkdir()
        child = _start(_fill_in(name, places, out), size=size)
        said = child.communicate()[1].decode(errors="replace")
        found = Counter({f"exit {child.returncode}": 1, "unreadable": count_unreadable(out)})
        return found + Counter({"traceback": int("Traceback" in said)})


def count_unreadable(out: Path) -> int:
    """Files under their own names that their reader does not take."""
    wrong = 0
    for path in out.rglob("*"):
        check = _CHECKS.get(path.suffix)
        if check is None or any(part.startswith(".") for part in path.relative_to(out).parts):
            continue
        try:
            check(path)
        except Exception:
            wrong += 1
    return wrong


def _fill_in(name: str, places: dict[str, str], out: Path) -> list[str]:
    audit = out / "copy"
    if "{audit}" in COMMANDS[name]:
        shutil.copytree(places["audit"], audit)
    return COMMANDS[name].format(**places | {"out": str(out), "audit": str(audit)}).split()


def _start(words: list[str], *, size: int | None = None) -> subprocess.Popen[bytes]:
    def limit() -> None:
        if size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return subprocess.Popen(
        [sys.executable, "-m", "mapsight", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if size is not None else subprocess.DEVNULL,
        preexec_fn=limit,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def _run(words: list[str]) -> None:
    if _start(words).wait() != 0:
        raise SystemExit(f"mapsight {' '.join(words)} failed")


if __name__ == "__main__":
    main()
