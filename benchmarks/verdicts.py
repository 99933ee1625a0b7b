"""What twenty verdicts teach: `python -m benchmarks.verdicts --data DIR [--folds 0]`.

Errors are planted into the city's map of Cambridge and into the maps of drawn towns; the first audit's first twenty
findings are judged by what was planted (as a reviewer who sees the truth would), and the audit is given again with
these verdicts. Compared is the average precision among the *rest*: findings that were not judged, against planted
errors that none of the judged ones had found.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np

from benchmarks.scenes import make_road_map
from mapsight.cnn.runtime import find_place
from mapsight.geo.network import read_map
from mapsight.geo.raster import Raster, open_image
from mapsight.roads.audit import Audit, AuditSettings, audit_map
from mapsight.roads.judged import ACCEPT, REJECT, Judged
from mapsight.roads.match import MatchSettings, answer_planted, measure_overlap
from mapsight.roads.plant import PlantSettings, plant_errors
from mapsight.roads.shipped import read_model_or_default
from mapsight.roads.tally import average_precision
from mapsight.town import TownSettings, draw_town

_JUDGED = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--folds", type=int, default=0, help="0: the verdicts bend the ranking; more: they teach, too")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    start, place, gains = read_model_or_default(options.model), find_place(), []
    settings = AuditSettings(folds=options.folds)
    print("| scene | seed | right of the first 20 | AP of the rest before | after |\n|---|---|---|---|---|")
    for seed in range(options.seeds):
        for name, image, lines in read_scenes(options.data, seed):
            mapped, planted = plant_errors(
                lines, image.geobox, settings=PlantSettings(12, 12, 12, seed=seed), valid=image.valid
            )
            first = audit_map(image, make_road_map(mapped), start=start, place=place, settings=settings)
            judged, rest = judge(first, planted)
            second = audit_map(image, make_road_map(mapped), start=start, place=place, settings=settings, judged=judged)
            before = measure_rest(first.findings.table.iloc[_JUDGED:], rest, judged)
            after = measure_rest(second.findings.table, rest, judged)
            gains.append(after - before)
            right = int((judged.table["verdict"] == ACCEPT).sum())
            print(f"| {name} | {seed} | {right} | {before:.3f} | {after:.3f} |", flush=True)
    print(f"mean gain {np.mean(gains):+.3f}, standard error {np.std(gains, ddof=1) / len(gains) ** 0.5:.3f}")


def read_scenes(data: Path, seed: int) -> Iterator[tuple[str, Raster, gpd.GeoDataFrame]]:
    """Cambridge with its centrelines, and a town of the seed with its true roads."""
    folder = data / "georef" / "cambridge"
    with open_image(folder / "mass_23279035_rgb_1m.tif", m_per_px=1.0) as reader:
        image = reader.read_all()
    yield "Cambridge", image, read_map(folder / "cambridge_centerlines_clip.geojson", box=image.geobox).lines
    town = draw_town(TownSettings(size_px=1000, m_per_px=1.0, seed=500 + seed))
    yield "town", town.image, town.roads[town.roads["road_class"] != "track"].reset_index(drop=True)


def judge(audit: Audit, planted: gpd.GeoDataFrame) -> tuple[Judged, gpd.GeoDataFrame]:
    """Verdicts on the first findings, and the planted errors that none of them answers."""
    table = audit.findings.table.iloc[:_JUDGED].reset_index(drop=True)
    answers = answer_planted(table, planted, kind_aware=True)
    seen = gpd.GeoSeries.from_wkt(
        table["seen_wkt"].where(table["seen_wkt"] != "", table.geometry.to_wkt()), crs=table.crs
    )
    verdict = np.where(answers.outcome == "false", REJECT, ACCEPT)
    told = table[["kind", "features", "geometry"]].assign(verdict=verdict, seen=seen)
    return Judged(gpd.GeoDataFrame(told, geometry="geometry", crs=table.crs)), planted[answers.found_by < 0]


def measure_rest(findings: gpd.GeoDataFrame, planted: gpd.GeoDataFrame, judged: Judged) -> float:
    """Average precision of what was not judged."""
    done = judged.table.union_all()
    fresh = [measure_overlap(line, done, MatchSettings()) < 0.5 for line in findings.geometry]
    answers = answer_planted(findings[fresh].reset_index(drop=True), planted.reset_index(drop=True), kind_aware=True)
    return average_precision(answers) or 0.0


if __name__ == "__main__":
    main()
