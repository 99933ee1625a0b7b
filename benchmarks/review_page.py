"""How fast the review page is: `python -m benchmarks.review_page [--findings 10000] [--runs 5]
[--out times.json]`.

An audit's folder with that many findings is made, `mapsight review` serves it in a process of its
own, Chromium opens it anew in each run (nothing cached). Measured in the browser: from the opening
of the address until the first finding can be judged (its head, the list and the buttons), until its
evidence is there, until the map is drawn; from a key to the next finding with its evidence; and the
frames while the list is scrolled from end to end. Server: the time that the browser waits for the
first byte of an answer; script and layout: what Chromium says that it spent on them.

Wants playwright and Chromium (`pip install 'mapsight[test]'`). Pictures are drawn without a GPU, as
on a plain server.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from affine import Affine
from rasterio.crs import CRS
from scipy import ndimage
from shapely.geometry import LineString

from mapsight.atomic import write_atomically
from mapsight.cli.console import speak
from mapsight.geo.network import write_layers, write_lines
from mapsight.geo.raster import Raster, write_raster
from mapsight.roads.scoring.table import FEATURES

_SIDE_PX, _EAST, _NORTH = 4096, 500_000.0, 5_004_096.0
_KINDS = ("missing", "phantom", "misaligned")
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
_OPENED = """() => {
  const at = (name) => performance.getEntriesByName(name)[0]?.startTime ?? null;
  const answers = performance.getEntriesByType('resource')
    .filter(({ name }) => name.includes('/api/'));
  return {
    first: at('first-finding'), evidence: at('first-evidence'), map: at('map-drawn'),
    page: performance.getEntriesByType('navigation')[0].responseEnd,
    answers: answers.map(({ name, requestStart, responseStart, responseEnd, transferSize }) =>
      ({ name: new URL(name).pathname, wait: responseStart - requestStart,
         carry: responseEnd - responseStart, bytes: transferSize })),
  };
}"""
_DRAWN = """() => new Promise((done) => {
  const drawn = () => performance.getEntriesByName('map-drawn').length;
  const look = () => drawn() ? done() : setTimeout(look, 50);
  look();
})"""
_NEXT = """async (key) => {
  const title = document.querySelector('#position'), details = document.querySelector('#details');
  const from = performance.now(), before = title.textContent;
  const frame = () => new Promise(requestAnimationFrame);
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  while (title.textContent === before) await new Promise((go) => setTimeout(go));
  await frame();
  const head = performance.now() - from;
  while (details.hasAttribute('aria-busy')) await new Promise((go) => setTimeout(go));
  await frame();
  return { head, evidence: performance.now() - from };
}"""
_SCROLL = """async () => {
  const list = document.querySelector('#list'), spent = [];
  const far = list.scrollHeight - list.clientHeight;
  const frame = () => new Promise(requestAnimationFrame);
  list.scrollTop = 0;
  let last = await frame();
  for (let n = 1; n <= 120; n++) {
    list.scrollTop = far * n / 120;
    const now = await frame();
    spent.push(now - last);
    last = now;
  }
  return spent;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--findings", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--browser", default="/usr/bin/chromium")
    parser.add_argument("--out", type=Path, help="all figures of all runs, as JSON")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        write_audit(Path(name), options.findings)
        browser = playwright.chromium.launch(executable_path=options.browser, args=_FLAGS)
        with serve(Path(name)) as (address, started_s):
            runs = [measure_run(browser, address) for _ in range(options.runs)]
        browser.close()
    print_table(runs, options.findings, started_s)
    if options.out:
        with write_atomically(options.out) as temporary:
            temporary.write_text(
                json.dumps({"started_s": started_s, "runs": runs}), encoding="utf-8"
            )


def write_audit(folder: Path, count: int) -> None:
    """A folder as `mapsight audit` leaves it: streets over 16 km², findings all over it."""
    transform, crs = Affine(1, 0, _EAST, 0, -1, _NORTH), CRS.from_epsg(32632)
    rng = np.random.default_rng(0)
    noise = ndimage.zoom(rng.normal(size=(_SIDE_PX // 8,) * 2), 8, order=1) * 20
    image = np.clip(np.stack([90 + noise, 110 + noise, 80 + noise]), 0, 255).astype(np.uint8)
    seen = np.zeros((_SIDE_PX, _SIDE_PX), np.float32)
    for at in range(60, _SIDE_PX, 100):
        for street in (np.s_[at : at + 8, :], np.s_[:, at : at + 8]):
            image[:, *street], seen[street] = 150, 0.9
    write_raster(folder / "image.tif", Raster(image, transform, crs))
    write_raster(folder / "probability.tif", Raster(seen[None], transform, crs), nodata=-1)
    findings = make_findings(rng, count)
    write_lines(folder / "findings.gpkg", findings, layer="findings")
    lines = gpd.GeoDataFrame(geometry=findings.geometry, crs=findings.crs)
    write_layers(
        folder / "layers.gpkg", {"map": lines, "predicted": lines, "not_judged": lines.iloc[:10]}
    )
    told = {
        "sources": {"image": "image.tif"},
        "m_per_px": 1.0,
        "threshold": {"value": 0.5},
        "shift_m": None,
    }
    (folder / "audit.json").write_text(json.dumps(told), encoding="utf-8")


def make_findings(rng: np.random.Generator, count: int) -> gpd.GeoDataFrame:
    """Lines of eight points, scores falling, the kinds in turn."""
    corner = np.column_stack(
        [rng.uniform(100, _SIDE_PX - 300, count), rng.uniform(100, _SIDE_PX - 300, count)]
    )
    along = np.linspace(0, 1, 8)
    rows = []
    for n, (x, y) in enumerate(corner):
        length_m, bend = rng.uniform(20, 160), rng.normal(0, 6, 8)
        line = LineString(
            np.column_stack([_EAST + x + along * length_m, _NORTH - y + bend]).round(3)
        )
        seen = LineString([(px, py + 7) for px, py in line.coords]).wkt if n % 3 == 2 else ""
        features = json.dumps(
            {name: round(float(rng.normal()), 4) for name in FEATURES[_KINDS[n % 3]]}
        )
        about = {
            "mean_probability": 0.4,
            "map_distance_m": 20.0,
            "road_id": f"r{n}",
            "evidence": f"a road, number {n}",
        }
        rows.append(
            {
                "finding_id": f"{n:010x}",
                "kind": _KINDS[n % 3],
                "score": 0.97 - 0.9 * n / count,
                **about,
                "length_m": line.length,
                "road_class": ("", "residential", "service")[n % 3],
                "offset_m": 7.0 if seen else np.nan,
                "seen_wkt": seen,
                "features": features,
                "geometry": line,
            }
        )
    return gpd.GeoDataFrame(rows, crs="EPSG:32632")


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[tuple[str, float]]:
    """(address, seconds until it is served) of `mapsight review`."""
    command = [
        sys.executable,
        "-m",
        "mapsight",
        "review",
        str(folder),
        "--port",
        "0",
        "--no-browser",
    ]
    from_s = time.perf_counter()
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        address = next(word for word in server.stderr.readline().split() if word.startswith("http"))
        yield address, time.perf_counter() - from_s
    finally:
        server.terminate()
        server.wait()


def measure_run(browser: Any, address: str) -> dict[str, Any]:
    """One opening of the page in a window that has nothing in its cache."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(120_000)
    devtools = context.new_cdp_session(page)
    devtools.send("Performance.enable")
    page.goto(address)
    page.wait_for_selector("#details .facts")
    spent = {
        one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]
    }
    page.wait_for_selector("body[data-ready]")
    page.evaluate(_DRAWN)
    told: dict[str, Any] = page.evaluate(_OPENED)
    told["script"], told["layout"] = (
        1000 * spent["ScriptDuration"],
        1000 * (spent["LayoutDuration"] + spent["RecalcStyleDuration"]),
    )
    told["next"] = [page.evaluate(_NEXT, key) for key in "jjjjjaaaaa"]
    told["frames"] = page.evaluate(_SCROLL)
    context.close()
    return told


def print_table(runs: list[dict[str, Any]], count: int, started_s: float) -> None:
    """Medians, and the slowest of all, in milliseconds."""

    def row(what: str, values: list[float]) -> None:
        print(f"| {what} | {statistics.median(values):,.0f} | {max(values):,.0f} |")

    print(
        f"{count:,} findings, {len(runs)} runs; from the command to the page being served:"
        f" {started_s:.1f} s\n"
    )
    print("| ms | median | slowest |\n|---|---|---|")
    for name, what in (
        ("first", "first finding can be judged"),
        ("evidence", "its evidence is there"),
        ("map", "the map is drawn"),
    ):
        row(what, [run[name] for run in runs])
    for path in ("/api/review", "/api/findings", "/api/verdicts"):
        answers = [one for run in runs for one in run["answers"] if one["name"] == path]
        if answers:
            row(
                f"server: {path} ({answers[0]['bytes'] / 1000:,.0f} kB)",
                [one["wait"] for one in answers],
            )
    one = [
        next(a["wait"] for a in run["answers"] if a["name"].startswith("/api/findings/"))
        for run in runs
    ]
    row("server: the evidence of one finding", one)
    row("browser: script until the evidence is there", [run["script"] for run in runs])
    row("browser: layout until then", [run["layout"] for run in runs])
    for keys, what in (
        (slice(0, 5), "j: next finding"),
        (slice(5, 10), "a: verdict kept, next finding"),
    ):
        row(f"{what}, head", [one["head"] for run in runs for one in run["next"][keys]])
        row(f"{what}, evidence", [one["evidence"] for run in runs for one in run["next"][keys]])
    row("a frame of scrolling", [frame for run in runs for frame in run["frames"]])


if __name__ == "__main__":
    with speak():
        main()
