"""Commands about drawn towns: town, and the demo that audits one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mapsight.cli.audit import describe_score
from mapsight.cli.console import say
from mapsight.cli.options import Device, OutDir, Seed, make_dir, name_command, write_json

# mapsight.town.WORLDS, spelt out: what it would load makes every command slow to start
_WORLDS = (
    "red_earth, white_earth, informal, flat_roofs, tile_rows, palms, rice, terraces, sand, snow,"
    " seasons, megacity, canals, steppe"
)
_DEMO_PX, _DEMO_M_PER_PX, _DEMO_SEED, _DEMO_MISTAKES, _DEMO_STEPS = 2000, 0.5, 4, 8, 60


def town(
    out: OutDir,
    seed: Seed = 0,
    size_px: Annotated[int, typer.Option(min=32, help="side of the picture in pixels")] = 1024,
    m_per_px: Annotated[float, typer.Option(help="metres per pixel")] = 0.5,
    mistakes: Annotated[
        int, typer.Option(min=0, help="number of mistakes of each kind in the map")
    ] = 5,
    world: Annotated[
        str | None, typer.Option(help=f"where on earth: {_WORLDS}; default: a temperate town")
    ] = None,
) -> None:
    """Draw a town: its imagery, its true roads, and a map of it with known mistakes."""
    from mapsight.geo.network import write_lines
    from mapsight.roads.planting.plant import (
        PlantSettings,
        count_planted,
        name_shortfall,
        write_planted,
    )
    from mapsight.roads.planting.town import plant_town
    from mapsight.town import TownSettings, draw_town, write_town

    drawn = draw_town(TownSettings(size_px=size_px, m_per_px=m_per_px, seed=seed, world=world))
    settings = PlantSettings(deleted=mistakes, added=mistakes, shifted=mistakes, seed=seed)
    mapped, planted = plant_town(drawn, settings)
    write_town(drawn, make_dir(out))
    write_lines(out / "map.gpkg", mapped.lines, layer="roads")
    write_planted(out / "planted.geojson", planted)
    if short := name_shortfall(planted, settings):
        say(short)
    counts = ", ".join(f"{n} {kind}" for kind, n in count_planted(planted).items())
    say(
        f"drew {size_px} × {size_px} px, {drawn.roads.length.sum() / 1000:.1f} km of road; its map"
        f" has {counts}; wrote {out}"
    )


def demo(out: OutDir = Path("demo"), device: Device = "auto") -> None:
    """Draw a town, audit its map, score the findings against the planted mistakes, write the
    report.
    """
    from mapsight.api.audit import audit
    from mapsight.api.lines import score

    scene = make_dir(out) / "town"
    town(scene, _DEMO_SEED, _DEMO_PX, _DEMO_M_PER_PX, _DEMO_MISTAKES)
    found = audit(
        scene / "image.tif",
        scene / "map.gpkg",
        out,
        steps=_DEMO_STEPS,
        device=device,
        command=name_command(),
    )
    report = score(found, scene / "planted.geojson")
    write_json(out / "score.json", report.to_json())
    for line in describe_score(report):
        say(line)
    say(f"open {out / 'report.html'} in a browser; the layers of the audit open in QGIS")


COMMANDS = {"demo": demo, "town": town}
