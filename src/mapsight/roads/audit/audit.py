"""The main job: image and map → where the map is wrong.

The map is also the teacher, so every place is judged by a net that has not seen its label (k
spatial folds); the shift between imagery and map is measured and taken out before anything is
called wrong. Each stage is a function from value to value in a file of its own: `align`,
`make_labels`, `predict_folds`, `raise_voice`, `settle_threshold`, `find_errors`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import geopandas as gpd

from mapsight.geo.network import RoadMap
from mapsight.geo.raster import Raster
from mapsight.roads.audit.align import OWN, Alignment, align, move_findings_back
from mapsight.roads.audit.folds import Prediction, predict_folds, predict_start
from mapsight.roads.audit.labels import Reach, find_reach, make_labels
from mapsight.roads.audit.lacking import leave_out_lacking
from mapsight.roads.audit.settings import AuditSettings, Engine, check_inputs
from mapsight.roads.audit.threshold import settle_threshold
from mapsight.roads.audit.voice import raise_voice
from mapsight.roads.finding.evidence import Evidence
from mapsight.roads.finding.findings import Findings, find_errors
from mapsight.roads.finding.place import reproject_findings
from mapsight.roads.prediction.threshold import ThresholdChoice
from mapsight.roads.scoring.rerank import Lessons
from mapsight.roads.verdicts.judged import Judged, read_lessons


@dataclass(frozen=True, eq=False, kw_only=True)
class AuditedMap:
    """What was found, and everything the report tells of how.

    Parameters
    ----------
    alignment : the map as it is and as it lies on the imagery.
    reach : where anything could be judged.
    prediction : the out-of-sample probability.
    threshold : from which probability on it is road, with its interval.
    findings_on_image : the findings where the *imagery* shows them, for pictures and probes of
        pixels; whoever works with the map wants `findings`.
    notes : what a reader should know, a sentence each.
    verdicts : how many the ranking has learnt from.
    statuses : status → how many findings, earlier ones too, once the audit lies in its folder.
    """

    alignment: Alignment
    reach: Reach
    prediction: Prediction
    threshold: ThresholdChoice
    findings_on_image: Findings
    notes: tuple[str, ...] = ()
    verdicts: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def findings(self) -> gpd.GeoDataFrame:
        """The findings by falling score, in the position and the CRS of the map (pixels where it
        has none), as `findings.gpkg` holds them.
        """
        source = self.alignment.roads.source_crs
        return reproject_findings(
            self.findings_in_metres, None if source is None else source.to_wkt()
        )

    @property
    def findings_in_metres(self) -> gpd.GeoDataFrame:
        """The same in the metric CRS of the imagery's grid, still in the map's position."""
        table = self.findings_on_image.table
        # what each score was made of as JSON, so that it can be recomputed by hand
        told = [
            json.dumps({k: round(float(v), 4) for k, v in row.items()}) for row in table["features"]
        ]
        return move_findings_back(table.assign(features=told), self.alignment.shift)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why this audit is weak, to be said before anything else."""
        return tuple(filter(None, (self.threshold.note,)))

    @property
    def area_km2(self) -> float:
        """The area that was judged: valid imagery where the map reaches."""
        seen = self.prediction.probability
        return float((seen.valid & self.reach.covered).sum() * seen.geobox.m_per_px**2 / 1e6)

    @property
    def road_km(self) -> float:
        """Length of the map's roads inside the image."""
        return self.alignment.roads.overlap.km_inside


def audit_map(
    image: Raster,
    roads: RoadMap,
    engine: Engine,
    *,
    settings: AuditSettings = AuditSettings(),
    judged: Judged | None = None,
) -> AuditedMap:
    """Audit a map against an image.

    Parameters
    ----------
    image : (3, H, W) uint8 on a grid of square pixels in metres.
    roads : the map in the image's CRS.
    engine : the model to start from, the device, and where states are kept.
    judged : verdicts on an earlier audit, in the map's own position; they correct what the nets
        are taught, and bend the ranking.

    Raises
    ------
    InputError
        The image has no data within the map's reach, or there is neither a model nor a fold.
    """
    check_inputs(image, roads, engine, settings)
    first = predict_start(image, engine, settings.predict)
    alignment = align(roads, first, settings=settings.shift)
    reach = find_reach(image, alignment.moved, coverage=settings.coverage)
    labels = make_labels(image, alignment, reach, judged=judged)
    if first is not None and engine.start is not None and settings.folds:
        labels = leave_out_lacking(
            labels,
            gather_evidence(image, first, reach, engine.start.card.threshold),
            alignment,
            settings.findings,
            judged,
        )
    prediction = predict_folds(image, labels, engine, first=first, settings=settings)
    if first is None:  # only these nets could tell the shift: what follows is of the moved map
        alignment = align(roads, prediction.probability, source=OWN, settings=settings.shift)
        reach = find_reach(image, alignment.moved, coverage=settings.coverage)
        labels = make_labels(image, alignment, reach, judged=judged)
    prediction = raise_voice(prediction, labels, engine.start and engine.start.card)
    threshold = settle_threshold(prediction, labels, settings)
    found = find_errors(
        gather_evidence(image, prediction.probability, reach, threshold.value),
        alignment.moved,
        settings.findings,
        Lessons() if judged is None else read_lessons(judged),
        nearly_complete=settings.coverage,
    )
    return AuditedMap(
        alignment=alignment,
        reach=reach,
        prediction=prediction,
        threshold=threshold,
        findings_on_image=found,
        notes=tuple(filter(None, (labels.note, prediction.note, threshold.note))),
        verdicts=len(judged) if judged is not None else 0,
    )


def gather_evidence(image: Raster, seen: Raster, reach: Reach, threshold: float) -> Evidence:
    """What findings are drawn from, on the imagery."""
    return Evidence(seen, image.array, reach.hidden, reach.covered, threshold)
