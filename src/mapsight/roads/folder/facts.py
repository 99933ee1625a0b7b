"""What others need to know of an audit: audit.json."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mapsight import __version__
from mapsight.roads.audit.audit import AuditedMap
from mapsight.roads.audit.settings import Engine


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where an audit comes from, for its report and for commands that open its inputs again.

    Parameters
    ----------
    image_name, map_name : as the report calls them.
    engine : what judged.
    command : that repeats the audit; '' where there is none.
    sources : where image and map are, and how they were opened.
    """

    image_name: str
    map_name: str
    engine: Engine
    command: str = ""
    sources: Mapping[str, Any] = field(default_factory=dict)


def name_time() -> str:
    """This moment in UTC, as audits write it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tell_facts(audit: AuditedMap, origin: Origin, created: str) -> dict[str, Any]:
    """What others need to know of an audit, in plain types; `created` is its time in UTC."""
    shift, at, box = audit.alignment.shift, audit.threshold, audit.prediction.probability.geobox
    found = audit.findings_on_image
    return {
        "version": __version__,
        "created": created,
        "command": origin.command,
        "sources": {**origin.sources, "folds": audit.prediction.folds},
        "m_per_px": box.m_per_px,
        "map": _describe_reading(audit),
        "area_km2": audit.area_km2,
        "road_km": audit.road_km,
        "shift_m": (
            None
            if shift.reason
            else {
                "east": shift.dx_m,
                "north": shift.dy_m,
                "east_error": shift.dx_error_m,
                "north_error": shift.dy_error_m,
                "stations": shift.stations,
            }
        ),
        "threshold": {
            "value": at.value,
            "low": at.low,
            "high": at.high,
            "mode": at.mode,
            "f1": at.f1,
            "precision": at.precision,
            "recall": at.recall,
        },
        "verdicts": audit.verdicts,  # that the ranking has learnt from
        # logits added to each kind's scores before any verdict (prior.py)
        "offset": found.bend.start,
        "findings": {str(k): int(n) for k, n in found.table["kind"].value_counts().items()},
        "statuses": dict(audit.statuses),
        "notes": list(audit.notes),
        "warnings": list(audit.warnings),  # why this run is weak
        "grid": {
            "crs": box.crs.to_wkt() if box.crs else None,
            "shape": list(box.shape),
            "transform": list(box.transform)[:6],
            "m_per_px": box.m_per_px,
        },
    }


def _describe_reading(audit: AuditedMap) -> dict[str, Any]:
    """What became of each feature of the map file: the counts add up to `features`."""
    roads = audit.alignment.roads
    reading = roads.reading
    return {
        "features": reading.features,
        "roads": reading.roads,
        "other_ways": reading.others,
        "elsewhere": reading.elsewhere,
        "dropped": dict(roads.dropped),
        "unknown_values": dict(reading.unknown),
        "column": reading.column,
    }
