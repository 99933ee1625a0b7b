"""What earlier audits of a place found and what people said of it, taken over into a new one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from mapsight.atomic import explain_writing, hidden_folder, write_atomically
from mapsight.errors import InputError
from mapsight.geo.geopackage import check_geopackage, copy_with_layers, replace_layers
from mapsight.geo.network import write_lines
from mapsight.geo.profile import sample_points
from mapsight.roads.audit.audit import AuditedMap
from mapsight.roads.finding.place import reproject_findings
from mapsight.roads.folder.persist import Continuity, begin_findings, carry_over, find_fate
from mapsight.roads.folder.read import (
    EARLIER,
    LAYER,
    join_verdicts,
    read_earlier_findings,
    read_stored_findings,
)
from mapsight.roads.verdicts.store import MOST_NOTE, VerdictStore

FINDINGS = "findings.gpkg"
_NEAR_M = 30.0  # of the map's lines that decide a finding's fate
_STEP_M = 5.0


def find_history(out_dir: Path, previous: Path | None) -> Path | None:
    """The findings.gpkg that a new audit goes on from, or None; InputError where it cannot be gone
    on from.
    """
    own = out_dir / FINDINGS
    if previous is not None:
        if not (previous / FINDINGS).is_file():
            raise InputError(previous, f"has no {FINDINGS}", "give the folder of an earlier audit")
        if own.exists() and own.resolve() != (previous / FINDINGS).resolve():
            raise InputError(
                out_dir, "has findings of its own", "omit --previous, or give a new --out"
            )
        own = previous / FINDINGS
    if not own.is_file():
        return None
    check_geopackage(own)
    read_stored_findings(own)
    return own


def read_history(path: Path) -> gpd.GeoDataFrame:
    """All that was ever found there, as stored, with `verdict` ('' for none)."""
    parts = [
        part
        for part in (read_stored_findings(path), read_earlier_findings(path))
        if part is not None
    ]
    table = gpd.GeoDataFrame(
        pd.concat(parts, ignore_index=True), geometry="geometry", crs=parts[0].crs
    )
    return join_verdicts(table, path)


def continue_findings(audit: AuditedMap, history: Path | None, *, time_utc: str) -> Continuity:
    """The audit's findings in the map's own position, with identities, dates and verdicts of
    earlier ones.
    """
    now = audit.findings_in_metres
    if history is None:
        return begin_findings(now, time_utc=time_utc)
    before = read_history(history)
    if (before.crs is None) != (now.crs is None):
        raise InputError(history, "and this image are not both georeferenced", "give a new --out")
    before = reproject_findings(before, now.crs)
    return carry_over(now, before, time_utc=time_utc, explain=_make_explain(audit))


def take_identities(audit: AuditedMap, done: Continuity) -> AuditedMap:
    """The same audit with the identities, statuses and order of `done` in its table."""
    columns = {
        name: done.now[name].to_numpy()
        for name in ("finding_id", "status", "first_seen", "came_from")
    }
    found = audit.findings_on_image
    table = found.table.loc[done.now.index].assign(**columns).reset_index(drop=True)
    return dataclasses.replace(
        audit,
        findings_on_image=dataclasses.replace(found, table=table),
        statuses=done.counts,
    )


def write_findings(out_dir: Path, done: Continuity, *, crs: Any, history: Path | None) -> None:
    """findings.gpkg in that CRS (layers `findings` and `earlier`) and findings.geojson.

    A findings.gpkg that is there keeps everything else that it holds: its layers are exchanged in
    one transaction.
    """
    now = reproject_findings(done.now.reset_index(drop=True), crs)
    earlier = reproject_findings(done.earlier, crs)
    path = out_dir / FINDINGS
    with hidden_folder(path) as folder, explain_writing(path):
        fresh = folder / FINDINGS
        write_lines(fresh, now, layer=LAYER)
        if len(earlier):
            pyogrio.write_dataframe(
                earlier[now.columns], fresh, driver="GPKG", layer=EARLIER, append=True
            )
        if path.exists():
            replace_layers(path, fresh, (LAYER, EARLIER))
        elif history is not None:
            copy_with_layers(path, history, fresh, (LAYER, EARLIER))
        else:
            with write_atomically(path) as temporary:
                fresh.replace(temporary)
    _hand_down(path, done.inherited)
    write_lines(out_dir / "findings.geojson", reproject_findings(now, "EPSG:4326"))


def _hand_down(path: Path, inherited: dict[str, str]) -> None:
    """The verdict on a finding is also one on the pieces that it has become."""
    if not inherited:
        return
    with VerdictStore(path) as store:
        said = {verdict.finding_id: verdict for verdict in store.read()}
        for name, source in inherited.items():
            if source in said and name not in said:
                note = f"{said[source].note} (given for {source})".strip()[:MOST_NOTE]
                store.add(
                    name,
                    said[source].verdict,
                    revision=0,
                    note=note,
                    reviewer=said[source].reviewer,
                )


def _make_explain(audit: AuditedMap) -> Callable[[Any], str]:
    """The fate of an earlier finding, from the map as it is now and from what of it was judged."""
    roads, seen = audit.alignment.roads, audit.prediction.probability
    mapped = np.concatenate([roads.lines.geometry.to_numpy(), roads.other_ways.geometry.to_numpy()])
    tree = shapely.STRtree(mapped)
    judged = (seen.valid & audit.reach.covered).astype(np.float32)

    def explain(row: Any) -> str:
        near = mapped[tree.query(row.geometry, predicate="dwithin", distance=_NEAR_M)]
        steps = np.arange(0, row.geometry.length, _STEP_M)
        xy = shapely.get_coordinates(shapely.line_interpolate_point(row.geometry, steps))
        share = (
            float(sample_points(judged, seen.transform, xy, outside=0.0).mean()) if len(xy) else 0.0
        )
        return find_fate(row, shapely.GeometryCollection(list(near)), share)

    return explain
