"""What an audit is told: how it judges, and what it judges with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import Compute
from mapsight.errors import InputError
from mapsight.geo.network import RoadMap
from mapsight.geo.raster import Raster
from mapsight.geo.shift import ShiftSettings
from mapsight.roads.finding.findings import FindingSettings
from mapsight.roads.prediction.predict import PredictSettings

# What an audit holds at its height for a pixel: image, labels, folds, probability, distances.
BYTES_PER_PX = 75


@dataclass(frozen=True, kw_only=True)
class AuditSettings:
    """How a map is judged.

    Parameters
    ----------
    folds : spatial folds; 0: the start model judges everything as it is. There are fewer where the
        map fills fewer blocks.
    block_m : side of the blocks of ground that folds and the threshold's bootstrap are made of.
    coverage : judge only where the map reaches; False: the whole image, much of which may be
        unmapped.
    precision : take a threshold of this precision instead of the one with the highest F1.
    steps : of training a fold; None: by the size of the scene.
    seed : equal seeds give equal results.
    predict, shift, findings : settings of those stages.
    """

    folds: int = 3
    block_m: float = 200.0
    coverage: bool = True
    precision: float | None = None
    steps: int | None = None
    seed: int = 0
    predict: PredictSettings = PredictSettings()
    shift: ShiftSettings = ShiftSettings()
    findings: FindingSettings = FindingSettings()


@dataclass(frozen=True, eq=False)
class Engine:
    """What an audit judges with.

    Parameters
    ----------
    start : the model that the nets of the folds begin from; None: they learn from this map alone.
    place : device and precision.
    work_dir : folder for the states of the trainings, so that an interrupted audit goes on.
    """

    start: Model | None
    compute: Compute
    work_dir: Path | None = None


def check_inputs(image: Raster, roads: RoadMap, engine: Engine, settings: AuditSettings) -> None:
    """Refuse what cannot be audited, before anything is computed.

    Raises
    ------
    InputError
        The image has no valid pixel, the map has no road, or nothing is there that could judge.
    """
    if not image.valid.any():
        raise InputError(
            "the image", "holds no valid pixel: no evidence of anything", "check its no-data value"
        )
    if engine.start is None and not settings.folds:
        raise InputError(
            "neither a model nor folds", "nothing could judge the map", "give --model or --folds 3"
        )
    if settings.folds == 1:
        raise InputError(
            "1 fold",
            "leaves no other to learn from",
            "give --folds 3, or --folds 0: the model as it is",
        )
    if roads.lines.empty:
        raise InputError(
            "the map",
            "has no road in this place",
            "an empty map cannot be audited; try `mapsight extract`",
        )
