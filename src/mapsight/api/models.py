"""Models from Python: predict, evaluate."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import overload

from mapsight.api.files import PathLike, make_dir, make_place
from mapsight.api.inputs import ModelLike, read_chosen_model
from mapsight.api.probability import Probability, open_probability
from mapsight.cnn.checkpoint import Model, fingerprint
from mapsight.cnn.compute import Compute, find_compute
from mapsight.cnn.runtimes import open_runner
from mapsight.errors import InputError
from mapsight.geo.raster import ImageReader, open_image
from mapsight.progress import show_progress
from mapsight.roads.measure.evaluate import Evaluation, evaluate_pairs, summarise
from mapsight.roads.prediction.predict import (
    NODATA,
    PredictSettings,
    predict_file,
)
from mapsight.roads.training.chips import read_pairs

_log = logging.getLogger(__name__)


@overload
def predict(
    image: PathLike,
    out: None = None,
    *,
    model: ModelLike | None = None,
    dtype: str = "float32",
    bands: Sequence[int] | None = None,
    crs: str | None = None,
    flips: bool = False,
    device: str = "auto",
    compute: str = "auto",
    runtime: str = "torch",
    progress: bool = False,
) -> Probability: ...
@overload
def predict(
    image: PathLike,
    out: PathLike,
    *,
    model: ModelLike | None = None,
    dtype: str = "float32",
    bands: Sequence[int] | None = None,
    crs: str | None = None,
    flips: bool = False,
    device: str = "auto",
    compute: str = "auto",
    runtime: str = "torch",
    progress: bool = False,
) -> Path: ...
def predict(
    image: PathLike,
    out: PathLike | None = None,
    *,
    model: ModelLike | None = None,
    dtype: str = "float32",
    bands: Sequence[int] | None = None,
    crs: str | None = None,
    flips: bool = False,
    device: str = "auto",
    compute: str = "auto",
    runtime: str = "torch",
    progress: bool = False,
) -> Probability | Path:
    """Tell the probability of road for every pixel of an image.

    Parameters
    ----------
    image : path
        GeoTIFF, PNG or JPEG of any size.
    out : path, optional
        GeoTIFF to write, on the image's own grid and without holding the image in memory.
    model : path or Model, optional
        None: the model that ships.
    dtype : {'float32', 'uint8'}
        How the file stores it: 0 … 1 with NaN for no data, or value / 254 with 255 for no data.
    flips : bool
        Average over mirrored views: slower, a little better.
    bands, crs, device, compute, runtime, progress
        As in `mapsight.audit`.

    Returns
    -------
    Probability or path
        Without `out` the probability, (1, H, W) float32 in 0 … 1, with the `threshold` that suits
        this picture; else `out`.

    Raises
    ------
    MapsightError
        An image or a model that cannot be used.
    """
    if dtype not in NODATA:
        raise InputError(f"--dtype {dtype}", "unknown", f"choose {' or '.join(NODATA)}")
    chosen, where = read_chosen_model(model), find_compute(device, compute, runtime)
    with (
        show_progress(progress),
        tempfile.TemporaryDirectory() as folder,
        open_image(
            image,
            bands=None if bands is None else tuple(bands),
            crs=crs,
            m_per_px=chosen.card.m_per_px,
        ) as reader,
    ):
        path = Path(folder) / "probability.tif" if out is None else Path(out)
        make_place(path)
        box = reader.geobox
        told = f"predict {box.height} × {box.width} px with {chosen.card.net} on {where}"
        for line in (*reader.notes, told):
            _log.info(line)
        suited = predict_file(
            reader,
            open_runner(chosen, where),
            path,
            dtype=dtype,
            settings=PredictSettings(flips=flips),
            card=chosen.card,
            identity="" if out is None else _identify(Path(image), reader, chosen, flips, where),
        )
        if suited is not None and suited.stranger > 0:
            _log.info(
                "the net is less sure here than where it was judged: threshold"
                f" {suited.value:.3f} suits this picture (the model's own: {suited.own:.3f});"
                " `extract` takes it"
            )
        if out is None:
            return open_probability(path)
    _log.info(f"wrote {path}")
    return path


def _identify(image: Path, reader: ImageReader, chosen: Model, flips: bool, where: Compute) -> str:
    """What decides the values of a prediction, as a few digits: rows of it go on with nothing
    else.
    """
    said = image.stat()
    return fingerprint(
        chosen.net,
        chosen.card,
        (flips, str(where)),
        (str(image.absolute()), said.st_size, said.st_mtime_ns),
        (reader.geobox, reader.source_geobox, reader.notes),
    )


def evaluate(
    pairs: PathLike,
    *,
    split: str = "test",
    sets: Sequence[str] = (),
    model: ModelLike | None = None,
    panels: PathLike | None = None,
    threshold: float | None = None,
    flips: bool = False,
    device: str = "auto",
    compute: str = "auto",
    progress: bool = False,
) -> Evaluation:
    """Measure a model on pairs with known truth, image by image and together.

    Parameters
    ----------
    pairs : path
        CSV of image and mask pairs: set, name, image, mask, split.
    split : str
        Which split of the table.
    sets : sequence of str
        Only these sets of the table; none: all.
    model : path or Model, optional
        None: the model that ships.
    panels : path, optional
        Folder for pictures; None: there are none.
    threshold : float, optional
        Probability in 0 … 1 from which a pixel is road; None: the model's own.
    flips : bool
        Average over mirrored views.
    device, compute, progress
        As in `mapsight.audit`.

    Returns
    -------
    Evaluation
        Measures of each set and of all together; `to_json()` gives them in plain types.

    Raises
    ------
    MapsightError
        A table, an image or a model that cannot be used.
    """
    chosen, where = read_chosen_model(model), find_compute(device, compute)
    rows = read_pairs(Path(pairs), split=split, sets=list(sets))
    _log.info(f"evaluate {len(rows)} images with {chosen.card.net} on {where}")
    with show_progress(progress):
        done = evaluate_pairs(
            chosen,
            rows,
            compute=where,
            threshold=threshold,
            flips=flips,
            out_dir=None if panels is None else make_dir(Path(panels)),
        )
    for name, report in {**done.sets, "together": done.together}.items():
        for line in summarise(name, report):
            _log.info(line)
    return done
