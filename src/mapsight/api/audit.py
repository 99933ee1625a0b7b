"""The main job from Python: image and map → where the map is wrong."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from mapsight.api.files import PathLike, make_dir, name_beside
from mapsight.api.inputs import (
    ImageLike,
    Inputs,
    MapLike,
    ModelLike,
    is_file,
    list_paths,
    read_inputs,
    read_start,
)
from mapsight.api.result import Audit, read_audit, take_facts
from mapsight.atomic import lock_folder
from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import find_compute
from mapsight.cnn.shipped import NAMES, SHIPPED
from mapsight.errors import InputError
from mapsight.geo.geobox import GeoBox
from mapsight.geo.maps.classes import parse_choice
from mapsight.geo.raster import Raster
from mapsight.geo.sources.mosaic import Piece, write_mosaic
from mapsight.geo.sources.sheets import find_files
from mapsight.progress import show_progress
from mapsight.roads.audit.align import describe_shift
from mapsight.roads.audit.audit import AuditedMap, audit_map
from mapsight.roads.audit.settings import BYTES_PER_PX, AuditSettings, Engine
from mapsight.roads.folder.facts import Origin, name_time, tell_facts
from mapsight.roads.folder.history import FINDINGS, continue_findings, find_history, take_identities
from mapsight.roads.folder.read import JUDGED, join_verdicts, read_findings
from mapsight.roads.folder.write import list_layers, write_audit
from mapsight.roads.kinds import KINDS
from mapsight.roads.training.scenes import Hints
from mapsight.roads.verdicts.judged import Judged, gather_judged
from mapsight.roads.verdicts.store import read_verdicts

_MOSAIC = "mosaic.tif"
_COVERAGE = ("auto", "all")

_log = logging.getLogger(__name__)


def audit(
    image: ImageLike,
    map: MapLike,
    out: PathLike | None = None,
    *,
    model: ModelLike | None = None,
    folds: int = 3,
    coverage: str = "auto",
    precision: float | None = None,
    steps: int | None = None,
    m_per_px: float | None = None,
    bands: Sequence[int] | None = None,
    crs: str | None = None,
    map_crs: str | None = None,
    layer: str | None = None,
    road_column: str | None = None,
    road_values: Sequence[str] = (),
    prefer: str = "sharpest",
    area: PathLike | None = None,
    previous: PathLike | None = None,
    verdicts: bool = False,
    seed: int = 0,
    device: str = "auto",
    compute: str = "auto",
    runtime: str = "torch",
    command: str = "",
    progress: bool = False,
) -> Audit:
    """Say where a road map is wrong: a list of findings, the surest first.

    Parameters
    ----------
    image : path or sequence of paths
        Aerial image: GeoTIFF, PNG or JPEG. Several files, folders and patterns are read as one
        image; it is kept as mosaic.tif in `out`.
    map : path or GeoDataFrame
        Road map: GeoPackage, GeoJSON, Shapefile, .osm, .pbf or a mask; or lines in a table, with
        the columns that such a file would have.
    out : path, optional
        Folder for findings.gpkg, report.html and the other files of an audit. None: nothing is
        written.
    model : path or Model, optional
        What the nets start from; None: the model that ships. 'none': they learn from this map
        alone.
    folds : int
        Spatial folds: every place is judged by a net that has not seen the map there. 0: the model
        judges as it is.
    coverage : {'auto', 'all'}
        Judge where the map reaches, or the whole image.
    precision : float, optional
        Take the threshold of this precision; None: the one of the highest F1.
    steps : int, optional
        Training steps a fold; None: by the size of the image.
    m_per_px : float, optional
        Resolution to work at in metres a pixel, where `model` is 'none'.
    bands : sequence of int, optional
        Which bands are red, green and blue, counted from 1.
    crs, map_crs : str, optional
        CRS of an image or a map that states none, as 'EPSG:25832'.
    layer : str, optional
        Layer of a map file that has several.
    road_column : str, optional
        Column of the map that says what a way is; 'none': every line is a road.
    road_values : sequence of str
        Values of that column which are roads, and no others.
    prefer : {'sharpest', 'newest'}
        Which of several sheets counts where they overlap; newest by the date that the file states.
    area : path, optional
        Polygons: only there is judged and counted.
    previous : path, optional
        Folder of an earlier audit of this place; None: `out` itself. Identities and verdicts are
        taken over from it.
    verdicts : bool
        Learn from what people said of that earlier audit.
    seed : int
        Equal seeds give equal results.
    device, compute : str
        'auto', 'cpu', 'cuda' or 'mps'; 'auto', 'fp32' or 'bf16'.
    runtime : str
        Program that runs the nets: 'torch', 'onnx' or 'openvino', which is the fastest on most x86.
    command : str
        What repeats this audit, for the report.
    progress : bool
        Show on stderr how far it is.

    Returns
    -------
    Audit
        Its `findings` lie in the position and the CRS of the map.

    Raises
    ------
    MapsightError
        An input that cannot be used; the message says what to do.
    """
    settings = AuditSettings(
        folds=folds,
        coverage=_parse_coverage(coverage),
        precision=precision,
        steps=steps,
        seed=seed,
    )
    folder = None if out is None else Path(out)
    history, judged = _read_history(folder, previous, learn=verdicts)
    start = read_start(model)
    hints = Hints(
        None if bands is None else tuple(bands),
        crs,
        map_crs,
        layer,
        parse_choice(road_column, road_values),
    )
    with show_progress(progress), ExitStack() as held:
        inputs = read_inputs(
            image,
            map,
            m_per_px=_settle_grain(start, m_per_px),
            hints=hints,
            prefer=prefer,
            area=area,
            bytes_per_px=BYTES_PER_PX,
        )
        engine = Engine(
            start, find_compute(device, compute, runtime), folder and folder / "training"
        )
        origin = Origin(
            image_name=_name_image(image, inputs),
            map_name=Path(map).name if is_file(map) else "a table of lines",
            engine=engine,
            command=command,
            sources=_name_sources(
                _find_image(image, inputs, folder), map, hints, folder=folder, area=area
            )
            | {"model": _name_model(model, start, folder)},
        )
        box = inputs.image.geobox
        _log.info(f"device: {engine.compute}; {box.height} × {box.width} px of {box.m_per_px:g} m")
        if folder is not None:
            held.enter_context(lock_folder(make_dir(folder)))
            _keep_image(folder, inputs)
        found = audit_map(inputs.image, inputs.roads, engine, settings=settings, judged=judged)
        _tell(found)
        found = dataclasses.replace(found, notes=(*inputs.notes, *found.notes))
        if folder is None:
            return _hold(found, origin, history)
        return _write(folder, found, inputs.image, origin, history=history)


def _name_image(image: ImageLike, inputs: Inputs) -> str:
    """The image as the report names it."""
    if inputs.sheets:
        return f"{len(inputs.sheets)} sheets"
    return find_files(list_paths(image))[0].name


def _find_image(image: ImageLike, inputs: Inputs, folder: Path | None) -> Path:
    """Where the image of an audit lies: its own file, or what `_keep_image` writes."""
    return (folder or Path()) / _MOSAIC if inputs.sheets else find_files(list_paths(image))[0]


def _keep_image(folder: Path, inputs: Inputs) -> None:
    """Write what several sheets were put together to, for the pages that show findings."""
    if not inputs.sheets:
        return
    seen = inputs.image
    left, top = seen.transform.c, seen.transform.f

    def read(block: GeoBox) -> Piece:
        row = round((top - block.bounds[3]) / block.m_per_px)
        col = round((block.bounds[0] - left) / block.m_per_px)
        part = np.s_[row : row + block.height, col : col + block.width]
        return Piece(
            Raster(seen.array[:, *part], block.transform, block.crs, seen.valid[part]), True
        )

    path = folder / _MOSAIC
    if path.exists() and any(path.samefile(sheet) for sheet in inputs.sheets):
        raise InputError(
            path, "is one of the sheets, and would be written over", "give another folder as --out"
        )
    states = [(sheet, sheet.stat()) for sheet in inputs.sheets]
    request = {"sheets": [[str(name), state.st_size, state.st_mtime_ns] for name, state in states]}
    write_mosaic(
        folder / _MOSAIC, seen.geobox, read, request=request, title="putting sheets together"
    )


def _parse_coverage(coverage: str) -> bool:
    if coverage not in _COVERAGE:
        raise InputError(f"--coverage {coverage}", "unknown", f"choose {' or '.join(_COVERAGE)}")
    return coverage == "auto"


def _settle_grain(start: Model | None, m_per_px: float | None) -> float | None:
    """The resolution to work at in metres a pixel; None: that of the image."""
    if start is None or m_per_px is None:
        return start.card.m_per_px if start else m_per_px
    raise InputError(
        f"--m-per-px {m_per_px:g}",
        f"the model works at {start.card.m_per_px:g} m a pixel",
        "leave it out, or learn from this map alone: --model none",
    )


def _read_history(
    folder: Path | None, previous: PathLike | None, *, learn: bool
) -> tuple[Path | None, Judged | None]:
    """The findings.gpkg to go on from, and what people said of it: better to hear of faults now
    than after the training.
    """
    given = None if previous is None else Path(previous)
    before = given or folder
    if before is None:
        if learn:
            raise InputError("verdicts", "no earlier audit is named", "give its folder: previous")
        return None, None
    history = find_history(folder or before, given)
    return history, _read_judged(before / FINDINGS) if learn else None


def _read_judged(path: Path) -> Judged:
    """The findings of an earlier audit that people have judged."""
    if not path.is_file():
        raise InputError(
            path,
            "there is no earlier audit to learn from",
            "audit, judge with `mapsight review`, then this",
        )
    judged = gather_judged(read_findings(path, metric=False), read_verdicts(path))
    if not len(judged):
        raise InputError(
            path, "nobody has judged a finding there", "judge some with `mapsight review`"
        )
    _log.info(f"{len(judged)} verdicts of {path} teach this audit")
    return judged


def _name_sources(
    image: Path,
    roads: MapLike,
    hints: Hints,
    *,
    folder: Path | None,
    area: PathLike | None,
) -> dict[str, Any]:
    """Where the inputs are as seen from the folder, and how they were opened."""
    beside = folder or Path()
    return {
        "image": name_beside(image, beside),
        "map": name_beside(Path(roads), beside) if is_file(roads) else None,
        "bands": None if hints.bands is None else ",".join(map(str, hints.bands)),
        "crs": hints.crs,
        "map_crs": hints.map_crs,
        "layer": hints.layer,
        "road_column": hints.roads.column,
        "road_values": list(hints.roads.values),
        "area": None if area is None else name_beside(Path(area), beside),
    }


def _name_model(model: ModelLike | None, start: Model | None, folder: Path | None) -> str | None:
    """The model as another command could read it again: a path as seen from the folder, a shipped
    one's name or 'none'; None where it lies in no file.
    """
    if start is None:
        return "none"
    if isinstance(model, Model):
        return None
    name = SHIPPED if model is None else str(model)
    return name if name in NAMES else name_beside(Path(name), folder or Path())


def _tell(found: AuditedMap) -> None:
    at = found.threshold
    for line in (
        *found.notes,
        describe_shift(found.alignment),
        f"threshold {at.value:.2f} [{at.low:.2f}, {at.high:.2f}] ({at.mode}); agreement with the"
        f" map, pooled, out of sample: P {at.precision:.3f} R {at.recall:.3f} F1 {at.f1:.3f}",
    ):
        _log.info(line)


def _write(
    folder: Path, found: AuditedMap, image: Raster, origin: Origin, *, history: Path | None
) -> Audit:
    """Write all files of the audit, and read it back."""
    found = write_audit(folder, found, image, origin, history=history)
    shutil.rmtree(folder / "training", ignore_errors=True)
    kinds = found.findings["kind"].value_counts()
    counted = ", ".join(f"{kinds.get(kind, 0)} {kind}" for kind in KINDS)
    _log.info(f"found {counted}; wrote {folder / 'report.html'}")
    if history is not None:
        changes = ", ".join(f"{count} {status}" for status, count in found.statuses.items())
        _log.info(f"since the previous audit: {changes}")
    return read_audit(folder)


def _hold(found: AuditedMap, origin: Origin, history: Path | None) -> Audit:
    """The same as a value only, with identities and statuses as its files would have them."""
    created = name_time()
    found = take_identities(found, continue_findings(found, history, time_utc=created))
    layers, table = list_layers(found), found.findings
    return Audit(
        findings=(
            table.assign(**dict.fromkeys(JUDGED, ""))
            if history is None
            else join_verdicts(table, history)
        ),
        folder=None,
        load_layer=layers.__getitem__,
        load_probability=lambda: found.prediction.probability,
        **take_facts(tell_facts(found, origin, created), Path("audit.json")),
    )
