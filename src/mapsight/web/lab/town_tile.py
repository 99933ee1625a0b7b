"""A drawn town as a scene: its map has one mistake of each kind, and an audit has looked for
them.
"""

from __future__ import annotations

import torch

from mapsight.cnn.checkpoint import Model
from mapsight.cnn.compute import Compute
from mapsight.geo.grid import tile_windows
from mapsight.roads.audit.audit import audit_map
from mapsight.roads.audit.settings import AuditSettings, Engine
from mapsight.roads.planting.plant import PlantSettings
from mapsight.roads.planting.town import plant_town
from mapsight.town import TownSettings, draw_town
from mapsight.web.lab.tile import Scene

TOWN_PX = (
    384  # the largest side that one window of the net covers: one forward pass, nothing blended
)


def draw_scene(seed: int, model: Model) -> Scene:
    """The town of a seed, its map with a road left out, one invented and one shifted, and the audit
    of both.
    """
    town = draw_town(TownSettings(size_px=TOWN_PX, m_per_px=model.card.m_per_px, seed=seed))
    settings = AuditSettings(folds=0)
    mapped, planted = plant_town(town, PlantSettings(deleted=1, added=1, shifted=1, seed=seed))
    engine = Engine(model, Compute(torch.device("cpu"), torch.float32))
    audit = audit_map(town.image, mapped, engine, settings=settings)
    window, *more = tile_windows(
        TOWN_PX, TOWN_PX, size_px=settings.predict.window_px, overlap_px=settings.predict.overlap_px
    )
    assert not more, "a town of one window"
    found, table = audit.findings_on_image, audit.findings_on_image.table
    return Scene(
        name=f"town {seed}",
        image=town.image,
        window=window,
        threshold=audit.threshold.value,
        findings=table,
        seen_lines=found.seen_lines,
        map_lines=audit.alignment.moved.lines,
        features=dict(zip(table["finding_id"], table["features"], strict=True)),
        offsets=found.bend.start,
        probability=audit.prediction.probability,
        planted=planted,
        notes=audit.notes,
    )
