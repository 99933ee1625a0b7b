"""Damaged files of every reader: `python -m benchmarks.fuzz --minutes N --seed S --out DIR`.

Small drawn files are changed at random and read in a child process of bounded time and memory. What
is neither read nor refused in one line is a failure: its edits are shrunk, and the file is kept.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import geopandas as gpd
import numpy as np
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import LineString

from mapsight.cnn.checkpoint import ModelCard, read_model, read_state, write_model, write_state
from mapsight.cnn.nets import make_net
from mapsight.errors import MapsightError
from mapsight.faults import is_of_library
from mapsight.geo.geobox import Raster
from mapsight.geo.network import read_map, write_lines
from mapsight.geo.raster import open_image, write_raster
from mapsight.roads.folder.read import read_audit_facts, read_findings
from mapsight.roads.planting.planted import read_planted
from mapsight.roads.training.chips import read_pairs

_LONGEST_S = 20
_MEMORY_BYTES = 2 << 30
_BATCH = 200
_EDITS = 8  # at most, in one file

Edit = tuple[int, int, bytes]  # place, bytes removed, bytes put there
_WORDS = (
    b"\x00",
    b"\xff" * 4,
    b"NaN",
    b"Infinity",
    b"-1",
    b"1e999",
    b'"',
    b"{",
    b"[",
    b"null",
    b"\n",
)


@dataclass(frozen=True)
class Subject:
    """A file that is read: its path, the part of it that is changed, and its reader."""

    path: Path
    read: Callable[[Path], object]


def main() -> None:
    """Fuzz for so many minutes, or so many files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--files", type=int, default=10**9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("fuzz"))
    options = parser.parse_args()
    tried, failures = fuzz(options.out, options.seed, options.files, options.minutes * 60)
    print(f"{tried} files, {len(failures)} kinds of failure")
    for name, fault in failures.items():
        print(f"{name}: {fault}")


def fuzz(out: Path, seed: int, files: int, seconds: float) -> tuple[int, dict[str, str]]:
    """How many files were tried, and the failures by the name of the file kept in `out`."""
    failures: dict[str, str] = {}
    end, tried = time.monotonic() + seconds, 0
    with tempfile.TemporaryDirectory() as folder:
        subjects = draw_subjects(Path(folder))
        while tried < files and time.monotonic() < end:
            cases = range(tried, min(tried + _BATCH, files))
            done, fault = run_cases(subjects, seed, cases)
            tried += done
            if fault and fault not in failures.values():
                subject, edits = choose_edits(subjects, seed, tried - 1)
                kept = shrink(subject, edits, fault)
                out.mkdir(parents=True, exist_ok=True)
                name = f"{seed}-{tried - 1}{subject.path.suffix}"
                (out / name).write_bytes(apply_edits(subject.path.read_bytes(), kept))
                failures[name] = fault
    return tried, failures


def draw_subjects(folder: Path) -> list[Subject]:
    """A small sound file for each reader."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 64, 64)).astype(np.uint8)
    image = Raster(pixels, Affine(1, 0, 500_000, 0, -1, 5_000_064), CRS.from_epsg(32633))
    write_raster(folder / "image.tif", image)
    lines = [LineString([(500_000 + x, 5_000_000), (500_060 - x, 5_000_060)]) for x in range(9)]
    roads = gpd.GeoDataFrame({"highway": ["residential"] * 9}, geometry=lines, crs=32633)
    findings = roads.assign(finding_id=list("abcdefghi"), kind="missing", score=0.5)
    planted = roads.assign(
        planted_id=list("abcdefghi"), kind="missing", length_m=9.0, offset_m=0.5, true_wkt=""
    )
    write_lines(folder / "findings.gpkg", findings, layer="findings")
    for name in ("map.gpkg", "map.geojson"):
        write_lines(folder / name, roads)
    write_lines(folder / "findings.geojson", findings)
    write_lines(folder / "planted.geojson", planted)
    roads.to_file(folder / "map.shp")
    degrees = roads.to_crs(4326)
    nodes = "".join(
        f'<node id="{i}" lon="{x}" lat="{y}"/>'
        for i, (x, y) in enumerate(degrees.get_coordinates().to_numpy(), 1)
    )
    ways = "".join(
        f'<way id="{i}"><nd ref="{2 * i - 1}"/><nd ref="{2 * i}"/>'
        '<tag k="highway" v="service"/></way>'
        for i in range(1, 10)
    )
    (folder / "map.osm").write_text(f'<osm version="0.6">{nodes}{ways}</osm>')
    net = make_net("roadnet-tiny")
    write_model(folder / "model.safetensors", net, ModelCard("roadnet-tiny", 1.0))
    write_state(folder / "state.safetensors", {"net": dict(net.state_dict())}, {"epoch": 1})
    (folder / "pairs.csv").write_text(
        "set,name,image,mask,split\na,x,image.tif,image.tif,train\na,y,image.tif,image.tif,val\n"
    )
    (folder / "audit.json").write_text(json.dumps({"m_per_px": 1.0, "offset": {"missing": 0.5}}))

    def read_roads(path: Path) -> object:
        return read_map(path, box=image.geobox)

    def read_pixels(path: Path) -> object:
        with open_image(path) as reader:
            return reader.read_all()

    readers: dict[str, Callable[[Path], object]] = {
        "image.tif": read_pixels,
        "map.gpkg": read_roads,
        "map.geojson": read_roads,
        "map.shp": read_roads,
        "map.dbf": lambda path: read_roads(path.with_suffix(".shp")),
        "map.osm": read_roads,
        "findings.gpkg": read_findings,
        "findings.geojson": read_findings,
        "planted.geojson": read_planted,
        "model.safetensors": read_model,
        "state.safetensors": read_state,
        "pairs.csv": lambda path: read_pairs(path, split="train"),
        "audit.json": lambda path: read_audit_facts(path.with_name("findings.gpkg")),
    }
    return [Subject(folder / name, read) for name, read in readers.items()]


def choose_edits(subjects: list[Subject], seed: int, case: int) -> tuple[Subject, list[Edit]]:
    """What a case changes, in which file: it depends on seed and number alone."""
    rng = np.random.default_rng((seed, case))
    subject = subjects[case % len(subjects)]
    size = subject.path.stat().st_size
    edits: list[Edit] = []
    for _ in range(rng.integers(1, _EDITS + 1)):
        # headers decide more than what follows
        place = int(rng.integers(min(size, 512) if rng.random() < 0.5 else size))
        removed = int(rng.choice([0, 1, 1, 1, 4, 64, size]))
        word = _WORDS[rng.integers(len(_WORDS))]
        edits.append((place, removed, word if rng.random() < 0.4 else rng.bytes(min(removed, 4))))
    return subject, edits


def apply_edits(data: bytes, edits: list[Edit]) -> bytes:
    """The bytes with each edit made in turn."""
    for place, removed, put in edits:
        data = data[:place] + put + data[place + removed :]
    return data


def run_cases(subjects: list[Subject], seed: int, cases: range) -> tuple[int, str]:
    """How many of the cases ran up to the first failure, in a child process, and that failure."""

    def work(tell: Connection) -> None:
        for case in cases:
            subject, edits = choose_edits(subjects, seed, case)
            tell.send(_try(subject, edits))

    done = 0
    for fault in _hear(work, len(cases)):
        done += 1
        if fault:
            return done, fault
    return done, ""


def shrink(subject: Subject, edits: list[Edit], fault: str) -> list[Edit]:
    """The edits without those that the failure does not need."""
    for edit in list(edits):
        fewer = [other for other in edits if other is not edit]
        if fewer and try_apart(subject, fewer) == fault:
            edits = fewer
    return edits


def try_apart(subject: Subject, edits: list[Edit]) -> str:
    """What a child says of one changed file."""
    return next(_hear(lambda tell: tell.send(_try(subject, edits)), 1))


def _hear(work: Callable[[Connection], None], count: int) -> Iterator[str]:
    """What a child says, `count` times at most; its death, its silence are failures, too."""
    context = multiprocessing.get_context("fork")
    hear, tell = context.Pipe(duplex=False)
    child = context.Process(target=work, args=(tell,), daemon=True)
    child.start()
    tell.close()
    try:
        for _ in range(count):
            if not hear.poll(_LONGEST_S):
                yield f"no answer in {_LONGEST_S} s"
                return
            try:
                yield hear.recv()
            except EOFError:
                child.join()
                yield f"the process died ({child.exitcode})"
                return
    finally:
        child.kill()
        child.join()


def _try(subject: Subject, edits: list[Edit]) -> str:
    """'' where the changed file is read or refused in one line, else what came out."""
    if resource.getrlimit(resource.RLIMIT_DATA)[0] != _MEMORY_BYTES:
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / subject.path.name
        for beside in subject.path.parent.glob(f"{subject.path.stem}.*"):
            shutil.copy(beside, folder)
        path.write_bytes(apply_edits(subject.path.read_bytes(), edits))
        try:
            subject.read(path)
        except MapsightError as error:
            return "" if "\n" not in str(error) else "a refusal of several lines"
        except Exception as error:
            if is_of_library(error) or isinstance(error, OSError):
                return ""
            trace = error.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            file = Path(trace.tb_frame.f_code.co_filename).name if trace else ""
            line = trace.tb_lineno if trace else 0
            return f"{subject.path.name}: {type(error).__name__} in {file}:{line}"
    return ""


if __name__ == "__main__":
    main()
