"""The report: one inert file that says what was found and how sure; its pictures show the right
place.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import itertools
import math
import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from PIL import Image
from pyproj import Transformer
from rasterio.crs import CRS
from shapely import LineString

from mapsight.errors import InputError
from mapsight.geo.geobox import Bounds, GeoBox
from mapsight.roads.kinds import INKS, KINDS
from mapsight.roads.report import images, words
from mapsight.roads.report import page as report
from mapsight.roads.report.figures import draw_arrow, draw_curve
from mapsight.roads.report.page import (
    AuditView,
    Backdrop,
    ModelFacts,
    NotJudged,
    Overlap,
    Shift,
    Threshold,
    render_report,
    write_report,
)
from mapsight.roads.report.pictures import VIEW, draw_crop, draw_overview

STATE_PLANE = CRS.from_epsg(26986)
HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>"


def make_box(
    height: int = 300, width: int = 400, crs: CRS | None = STATE_PLANE, m: float = 1.0
) -> GeoBox:
    """A grid in Cambridge, or pixel coordinates."""
    left, top = (232000.0, 904000.0) if crs else (0.0, 0.0)
    return GeoBox(height, width, Affine(m, 0, left, 0, -m, top), crs)


def read_from(array: np.ndarray, box: GeoBox) -> Callable[[Bounds], Any]:
    """A reader of an array by bounds, which demands that they lie on whole pixels inside it."""

    def read(bounds: Bounds) -> np.ndarray:
        (col, row), (col_end, row_end) = (
            ~box.transform * bounds[0::3],
            ~box.transform * (bounds[2], bounds[1]),
        )
        edges = np.array([row, row_end, col, col_end])
        assert np.allclose(edges, edges.round(), atol=1e-6)
        assert (edges >= -1e-6).all()
        assert (edges <= np.array([box.height, box.height, box.width, box.width]) + 1e-6).all()
        top, bottom, start, end = edges.round().astype(int)
        return array[top:bottom, start:end]

    return read


def make_scene(
    box: GeoBox, photo: np.ndarray | None = None, lines: Sequence[LineString] = ()
) -> Backdrop:
    """A grey-green scene with the given lines as its map, and a probability that is high along row
    100.
    """
    if photo is None:
        photo = np.random.default_rng(1).integers(90, 130, (*box.shape, 3), dtype=np.uint8)
    probability = np.zeros(box.shape, np.float32)
    probability[96:104] = 0.9
    return Backdrop(
        box=box,
        read_crop=read_from(photo, box),
        read_probability=read_from(probability, box),
        map_lines=gpd.GeoDataFrame(geometry=list(lines), crs=box.crs),
        predicted_lines=gpd.GeoDataFrame(
            geometry=[line_at(box, [(0, 100), (400, 100)])], crs=box.crs
        ),
    )


def line_at(box: GeoBox, pixels: Sequence[tuple[float, float]]) -> LineString:
    """A line through (col, row) places."""
    return LineString([box.transform * place for place in pixels])


def make_finding(
    box: GeoBox, rank: int, kind: str, pixels: Sequence[tuple[float, float]]
) -> dict[str, Any]:
    """One row of findings.gpkg; misaligned ones are seen 6 px further down."""
    beside = kind == "misaligned"
    seen = line_at(box, [(col, row + 6) for col, row in pixels]).wkt if beside else ""
    geometry = line_at(box, pixels)
    return {
        "finding_id": hashlib.sha1(f"{kind}{rank}".encode()).hexdigest()[:10],
        "kind": kind,
        "score": 0.95 - 0.9 * rank / 200,
        "length_m": geometry.length,
        "mean_probability": 0.7,
        "map_distance_m": 30.0,
        "road_class": "residential",
        "road_id": "" if kind == "missing" else f"way/{rank}",
        "offset_m": 6.0 if beside else math.nan,
        "evidence": f"reason number {rank}",
        "seen_wkt": seen,
        "geometry": geometry,
    }


def make_findings(box: GeoBox, count: int) -> gpd.GeoDataFrame:
    """As many findings as wanted, kinds in turn, spread over the scene."""
    kinds = ("missing", "phantom", "misaligned")
    places = [(20 + 37 * n % 330, 15 + 53 * n % 260) for n in range(count)]
    rows = [
        make_finding(box, n, kinds[n % 3], [(col, row), (col + 40, row + 12)])
        for n, (col, row) in enumerate(places)
    ]
    columns = list(make_finding(box, 0, "missing", [(0, 0), (1, 1)]))
    return gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=box.crs)


def make_view(box: GeoBox | None = None, count: int = 7, **changes: Any) -> AuditView:
    """An audit with everything in it."""
    box = box or make_box()
    grid = np.linspace(0, 1, 51)
    precision, recall = 0.4 + 0.6 * grid, 1 - grid**2
    view = AuditView(
        image_name="town.tif",
        map_name="map.gpkg",
        created="2026-11-23T13:05:00+00:00",
        model=ModelFacts(name="roadnet", training="three folds", device="cpu", precision="float32"),
        area_km2=0.12,
        road_km=3.21,
        overlap=Overlap(map_share_inside=0.8, map_km_inside=3.4),
        shift=Shift(
            estimated=True,
            dx_m=2.4,
            dy_m=-1.1,
            dx_interval_m=(2.0, 2.9),
            dy_interval_m=(-1.6, -0.7),
        ),
        threshold=Threshold(
            value=0.42,
            low=0.38,
            high=0.47,
            f1=0.71,
            mode="highest F1",
            threshold=grid,
            precision=precision,
            recall=recall,
            f1_curve=2 * precision * recall / (precision + recall),
        ),
        findings=make_findings(box, count),
        scene=make_scene(box, lines=[line_at(box, [(0, 100), (400, 100)])]),
        not_judged=[
            NotJudged(reason="canopy", amount=0.4, unit="km", explanation="trees hide the ground")
        ],
        notes=["uint16 scaled"],
        command="mapsight audit town.tif map.gpkg --out out",
        version="0.1.0",
    )
    return dataclasses.replace(view, **changes)


class Page(HTMLParser):
    """The page as a flat list of (tag, attributes) and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def find(self, tag: str, **having: str) -> list[dict[str, str]]:
        """The attributes of all elements of a tag; `class_` must be among the classes."""
        name = having.pop("class_", None)
        found = [
            a
            for t, a in self.elements
            if t == tag and all(a.get(k) == v for k, v in having.items())
        ]
        return [a for a in found if name is None or name in a.get("class", "").split()]


@pytest.fixture(scope="module")
def view() -> AuditView:
    return make_view()


@pytest.fixture(scope="module")
def source(view: AuditView) -> str:
    return render_report(view)


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def decode(uri: str) -> Image.Image:
    """The picture in a `data:` address."""
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_page_loads_nothing(source: str, page: Page) -> None:
    """No element of the page makes a request: pictures are data, references are local, there is no
    script.
    """
    assert not {tag for tag, _ in page.elements} & {
        "script",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
        "audio",
    }
    for tag, attributes in page.elements:
        assert "srcset" not in attributes
        assert (
            attributes.get("src", "data:").startswith("data:image/")
            if tag == "img"
            else "src" not in attributes
        )
        if tag in ("image", "use", "link"):
            assert re.match(r"data:|#", attributes["href"])
    style = source.partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"@import|url\(", style)


def test_policy_admits_only_the_style_sheet(source: str, page: Page) -> None:
    """The Content-Security-Policy denies everything but the page's own style sheet, named by its
    hash.
    """
    (policy,) = [
        a["content"] for a in page.find("meta") if a.get("http-equiv") == "Content-Security-Policy"
    ]
    style = source.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rules = dict(rule.split(maxsplit=1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert rules["style-src"] == f"'sha256-{digest}'"
    assert "script-src" not in rules
    assert not any("style" in attributes for _, attributes in page.elements)


def test_names_are_inert() -> None:
    """Markup in any name or sentence of the input stays text: no element, no handler comes of
    it.
    """
    plain = make_view(count=3)
    findings = plain.findings.assign(
        evidence=HOSTILE,
        road_class=HOSTILE,
        road_id=HOSTILE,
        finding_id=[HOSTILE + str(n) for n in range(3)],
    )
    nasty = dataclasses.replace(
        plain,
        findings=findings,
        image_name=HOSTILE,
        map_name=HOSTILE,
        command=HOSTILE,
        version=HOSTILE,
        created=HOSTILE,
        notes=[HOSTILE],
        not_judged=[NotJudged(reason=HOSTILE, amount=1, unit=HOSTILE, explanation=HOSTILE)],
        model=ModelFacts(name=HOSTILE, training=HOSTILE, device=HOSTILE, precision=HOSTILE),
        shift=Shift(estimated=False, why_not=HOSTILE),
        threshold=dataclasses.replace(plain.threshold, mode=HOSTILE),
        links={HOSTILE: "https://example.org/" + HOSTILE},
    )
    tame, wild = Page(render_report(plain)), Page(render_report(nasty))
    assert "<img src=x onerror=alert(1)>" in wild.text
    assert len(wild.find("img")) == len(tame.find("img")) == 1
    assert not wild.find("script")
    assert not any(name.startswith("on") for _, attributes in wild.elements for name in attributes)


def test_every_finding_has_its_card(view: AuditView, page: Page) -> None:
    """Cards stand in the order of the ranking, each with id, kind and one photograph for three
    pictures.
    """
    cards = page.find("li", class_="card")
    assert [card["id"] for card in cards] == [f"f-{name}" for name in view.findings["finding_id"]]
    assert [card["class"] for card in cards] == [
        f"card of-{kind}" for kind in view.findings["kind"]
    ]
    uses = [a["href"] for a in page.find("use")]
    assert all(uses.count(f"#photo-{rank}") == 2 for rank in range(1, len(view.findings) + 1))
    assert "95 % almost certainly a real error" in page.text
    assert all(f"Reason number {n}." in page.text for n in range(len(view.findings)))


def test_references_resolve(page: Page) -> None:
    """Each id is unique and every local reference has its target."""
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    wanted = {a["href"][1:] for _, a in page.elements if a.get("href", "").startswith("#")}
    wanted |= set(
        " ".join(a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a).split()
    )
    wanted |= {
        m for _, a in page.elements for m in re.findall(r"url\(#(.+?)\)", " ".join(a.values()))
    }
    assert wanted <= set(ids)


def test_page_can_be_heard(page: Page) -> None:
    """Headings skip no level, pictures have words or are hidden from screen readers, the language
    is set.
    """
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(a["alt"] for a in page.find("img"))
    roots = [a for a in page.find("svg") if "x" not in a]  # nested ones belong to a labelled link
    assert all(
        a.get("aria-hidden") or a.get("aria-label") or a.get("aria-labelledby") for a in roots
    )
    assert page.find("html", lang="en")


def test_beyond_the_cap_is_counted() -> None:
    """Findings beyond the cap get no card but a line in the overview, and the page counts them."""
    capped = Page(render_report(make_view(count=30), max_cards=8))
    assert len(capped.find("li", class_="card")) == 8
    assert "22 more findings are in findings.gpkg" in " ".join(capped.text.split())
    assert (
        len(capped.find("a", class_="of-missing")) + len(capped.find("a", class_="of-phantom")) == 6
    )
    lines = [a for a in capped.find("g") if a.get("class", "").startswith("of-")]
    assert len(lines) == 30


def test_no_findings_make_a_page() -> None:
    """An audit without findings says so, and does not call that a proof."""
    empty = Page(render_report(make_view(count=0)))
    assert "No place where the map looks wrong" in empty.text
    assert "no proof" in empty.text
    assert not empty.find("li", class_="card")
    assert not empty.find("input")


def test_pixels_without_reference() -> None:
    """Without a CRS, places are columns and rows, nothing links to a map, and the page says why."""
    box = make_box(crs=None, m=0.5)
    findings = gpd.GeoDataFrame(
        [make_finding(box, 0, "missing", [(100, 60), (140, 80)])], geometry="geometry"
    )
    bare = Page(render_report(make_view(box, findings=findings)))
    assert "column 120, row 70" in bare.text
    assert "carries no georeference" in bare.text
    assert not any(a.get("href", "").startswith("http") for _, a in bare.elements)


def test_links_lead_to_the_place(view: AuditView, page: Page) -> None:
    """The editor opens at the middle of the finding, in degrees, and learns nothing of this
    page.
    """
    middle = view.findings.geometry.iloc[0].interpolate(0.5, normalized=True)
    lon, lat = Transformer.from_crs(26986, 4326, always_xy=True).transform(middle.x, middle.y)
    link = next(a for a in page.find("a") if "editor=id" in a["href"])
    assert link["href"].endswith(f"#map=19/{lat:.6f}/{lon:.6f}")
    assert f"{lat:.6f}, {lon:.6f}" in page.text
    outward = [a for a in page.find("a") if not a["href"].startswith("#")]
    assert all({"noreferrer", "noopener"} <= set(a["rel"].split()) for a in outward)


def test_link_templates_are_web_addresses() -> None:
    """A template that is no web address is refused before anything is written."""
    with pytest.raises(InputError, match="http"):
        render_report(make_view(links={"run": "javascript:alert({lat})"}))


def test_write_is_whole_or_nothing(tmp_path: Path) -> None:
    """A report that fails leaves the old file as it was and no scrap; equal audits give equal
    bytes.
    """
    target = write_report(tmp_path / "report.html", make_view(count=2))
    before = target.read_bytes()
    with pytest.raises(KeyError):
        write_report(
            target, make_view(findings=make_view(count=2).findings.assign(kind="unheard-of"))
        )
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (
        target.read_bytes()
        == before
        == write_report(tmp_path / "again.html", make_view(count=2)).read_bytes()
    )


def test_file_stays_small() -> None:
    """A hundred cards of pure noise, the worst photograph there is, stay under eight megabytes."""
    box = make_box(900, 900, m=0.2)
    noise = np.random.default_rng(0).integers(0, 256, (*box.shape, 3), dtype=np.uint8)
    view = make_view(box, 6, scene=make_scene(box, noise))
    bare, full = (len(render_report(view, max_cards=cards)) for cards in (1, 6))
    assert bare + 99 * (full - bare) / 5 < 8e6


@pytest.mark.parametrize("place", [(200, 150), (6, 6), (395, 293), (200, 2)])
def test_crop_shows_the_finding(place: tuple[int, int]) -> None:
    """Where the finding's path runs, the crop's photograph has the pixels of that place, at edges
    too.
    """
    box = make_box()
    col, row = place
    photo = np.full((*box.shape, 3), 40, np.uint8)
    photo[max(row - 5, 0) : row + 5, max(col - 5, 0) : col + 5] = (255, 0, 0)
    crop = draw_crop(make_scene(box, photo), line_at(box, [(col - 3, row), (col + 3, row)]))
    (x0, y0), (x1, y1) = (map(float, pair) for pair in re.findall(r"([\d.]+) ([\d.]+)", crop.path))
    picture = decode(crop.photo)
    scale = picture.width / VIEW
    red, green, _ = picture.getpixel(
        (int((x0 + x1) / 2 * scale), int(min((y0 + y1) / 2 * scale, picture.height - 1)))
    )
    assert np.asarray(picture)[..., 2].max() < 90, "the crop leaves the scene"
    assert red > 180
    assert green < 80


def test_crop_of_a_finding_wider_than_the_scene() -> None:
    """A finding longer than the scene is high is shown whole; what lies outside the scene is
    grey.
    """
    box = make_box(120, 400)
    crop = draw_crop(make_scene(box), line_at(box, [(5, 60), (395, 60)]))
    xs = [float(x) for x, _ in re.findall(r"([\d.]+) ([\d.]+)", crop.path)]
    assert 0 <= min(xs) < max(xs) <= VIEW
    assert decode(crop.photo).getpixel((20, 3)) == pytest.approx((128, 128, 128), abs=6)


def test_heat_is_transparent_where_nothing_is_seen() -> None:
    """Probability 0 and unknown are fully transparent, a sure road nearly opaque."""
    scene = dataclasses.replace(
        make_scene(make_box()),
        read_probability=lambda b: np.where(np.arange(round(b[2] - b[0])) < 80, np.nan, 1.0)[
            None
        ].repeat(160, 0),
    )
    heat = np.asarray(
        decode(draw_crop(scene, line_at(scene.box, [(190, 150), (210, 150)])).heat).convert("RGBA")
    )
    assert (heat[:, :70, 3] == 0).all()
    assert (heat[:, -60:, 3] > 200).all()


def test_blocks_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scene read in small blocks gives the same overview as one read at once; no read exceeds a
    block.
    """
    box = make_box(600, 3200)
    photo = np.random.default_rng(2).integers(0, 256, (600, 3200, 3), dtype=np.uint8)
    asked: list[float] = []

    def read(bounds: Bounds) -> np.ndarray:
        asked.append(max(bounds[2] - bounds[0], bounds[3] - bounds[1]))
        return read_from(photo, box)(bounds)

    scene = dataclasses.replace(make_scene(box, photo), read_crop=read)
    monkeypatch.setattr(images, "_BLOCK_PX", 10_000)
    whole = draw_overview(scene, [], marks=0)
    monkeypatch.setattr(images, "_BLOCK_PX", 128)
    asked.clear()
    assert draw_overview(scene, [], marks=0) == whole
    assert max(asked) <= 128
    assert (whole.width, whole.height) == (1600, 300)


def test_numbers_do_not_cover_each_other() -> None:
    """Forty findings in one block get forty places that lie apart; a number off its finding has a
    leader to it.
    """
    box = make_box()
    corners = np.random.default_rng(5).uniform((180, 130), (230, 170), (40, 2))
    lines = [line_at(box, [(col, row), (col + 4, row)]) for col, row in corners]
    overview = draw_overview(make_scene(box), lines, marks=40)
    places = np.array(overview.marks) / 100 * (overview.width, overview.height)
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)[~np.eye(40, dtype=bool)]
    assert apart.min() > 0.026 * overview.width
    off = np.linalg.norm(places - np.add(corners, (2, 0)), axis=1) > 1.1
    assert off.sum() > 10
    assert all(leader for leader, away in zip(overview.leaders, off, strict=True) if away)
    assert (places >= 0).all()
    assert (places <= (overview.width, overview.height)).all()


def test_curve_keeps_its_gaps() -> None:
    """The curve passes through its points; where precision is undefined the pen lifts."""
    figure = draw_curve(
        [0.0, 0.25, 0.5, 1.0],
        {"precision": [0.0, math.nan, 1.0, 1.0], "recall": [1, 1, 1, 0], "f1": [0, 0.5, 1, 0]},
        0.5,
        (0.4, 0.6),
    )
    assert figure is not None
    paths = dict(figure.paths)
    assert paths["precision"] == "M40 236M214 14L388 14"
    assert paths["recall"] == "M40 14L127 14L214 14L388 236"
    assert (figure.chosen_x, figure.chosen_y) == (214, 14)
    assert figure.band == pytest.approx((179.2, 69.6))
    assert draw_curve([0.5], {"precision": [1], "recall": [1], "f1": [1]}, 0.5, (0.5, 0.5)) is None


def test_arrow_points_where_the_image_is() -> None:
    """East is right, north is up, rings are true to the arrow's length, the interval lies around
    its tip.
    """
    arrow = draw_arrow(3.0, 4.0, (2.0, 4.0), (3.5, 4.5))
    tip = np.array(arrow.tip) - 150
    ring_m = float(arrow.labels[-1][2].split()[0])
    assert tip[0] > 0 > tip[1]
    assert np.linalg.norm(tip) / arrow.rings[-1] * ring_m == pytest.approx(5.0, rel=0.01)
    assert arrow.spread is not None
    x, y, width, height = arrow.spread
    assert x < arrow.tip[0] < x + width
    assert y < arrow.tip[1] < y + height
    assert draw_arrow(0.0, 0.0, (math.nan, math.nan), (math.nan, math.nan)).spread is None


def test_shift_is_told_with_its_doubt(page: Page) -> None:
    """The shift is told in metres with its interval, and that the imagery may be the one that is
    off.
    """
    text = " ".join(page.text.split())
    assert "the roads 2.4 m east and 1.1 m south of where the map has them (2.6 m in all)" in text
    assert "95 % interval: 2.0 to 2.9 m east, 0.7 to 1.6 m south." in text
    assert "The imagery may be the one that is off." in text
    unknown = Page(
        render_report(make_view(count=1, shift=Shift(estimated=False, why_not="too few roads")))
    )
    assert "was not estimated" in unknown.text
    assert "Too few roads." in unknown.text
    assert "The imagery may be the one that is off." in unknown.text
    assert not unknown.find("svg", class_="arrow")


def test_threshold_mode_is_explained(page: Page) -> None:
    """The page says how the threshold was chosen, in either mode."""
    assert "precision and recall together are best" in page.text
    choice = dataclasses.replace(make_view(count=0).threshold, mode="precision ≥ 0.9")
    assert "at which 90 % of what the model calls road" in render_report(
        make_view(count=0, threshold=choice)
    )


def test_words_promise_no_more_than_the_numbers() -> None:
    """Percentages never round up to certainty, small amounts never to nothing; directions follow
    signs.
    """
    assert [words.say_percent(v) for v in (0.0, 0.456, 0.997, 1.0)] == [
        "0 %",
        "46 %",
        "99 %",
        "100 %",
    ]
    assert words.say_percent(math.nan) == ""
    assert [words.say_metres(v) for v in (3.44, 9.97, 128.4, 1284)] == [
        "3.4 m",
        "10 m",
        "128 m",
        "1.28 km",
    ]
    assert words.say_amount(0.002, "km²") == "under 0.01 km²"
    assert words.say_amount(0, "km") == "0.00 km"
    assert words.say_interval((-0.4, 0.9), "east", "west") == "0.4 m west to 0.9 m east"
    assert words.say_offset(-2, 0.01) == "2.0 m west"
    assert words.say_certainty(0.9455) == words.say_certainty(0.95)
    certainties = [words.say_certainty(score) for score in np.linspace(0, 1, 101)]
    assert len(list(dict.fromkeys(certainties))) == len(set(certainties)) == 6


@pytest.mark.parametrize("seen", ["here", "nowhere", "beside"])
def test_no_phrase_contradicts_its_numbers(seen: str) -> None:
    """What is surely a road is never called an illusion, and a high score is never called rare."""
    for score, probability in itertools.product(np.linspace(0, 1, 51), np.linspace(0, 1, 21)):
        said = words.say_judgement(score, probability, seen)
        assert ("clearly a road" in said) <= (seen == "here" and probability >= 0.9)
        assert ("no road is seen" in said) <= (seen == "nowhere" and probability <= 0.1)
        assert ("few such errors" in said) <= (score < 0.4)
        assert "false alarm" not in said
        if seen == "here" and probability >= 0.9 and score < 0.39:
            assert said.startswith("clearly a road")
    assert words.say_judgement(0.1, math.nan, seen) == words.say_certainty(0.1)


def test_expectation_is_the_sum_of_the_scores() -> None:
    """The first findings that are named hold four fifths of what is expected."""
    said = words.say_expectation([1, 1, 1, 0.5, 0.2, 0.1, 0.1, 0.1])
    assert said == (
        "About 4 real errors are expected in these 8 places, most likely among the first 4."
    )
    assert words.say_expectation([0.9]) == "About 1 real error is expected in this place."
    assert words.say_expectation([0.1] * 5).startswith("Fewer than one")
    assert words.say_expectation([]).startswith("Fewer than one")


def test_a_weak_run_says_so_first() -> None:
    """The warning stands above the counts; a sound run has none."""
    weak = render_report(make_view(warnings=(f"little agreement {HOSTILE}",)))
    assert weak.index("Weak run.") < weak.index('class="tally"')
    assert HOSTILE not in weak
    assert "Weak run." not in render_report(make_view())


def _luminance(colour: str) -> float:
    """WCAG 2 relative luminance of #rgb or #rrggbb."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_read(scheme: str) -> None:
    """Text has a contrast of 4.5 and curves of 3 on every ground, in both schemes (WCAG 2 AA)."""
    css = Path(report.__file__).with_name("report.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#\w{3,6});", part)) for part in css.split("@media")[:2]
    )
    colours = light if scheme == "light" else light | dark

    def contrast(one: str, other: str) -> float:
        low, high = sorted((_luminance(colours[one]), _luminance(colours[other])))
        return (high + 0.05) / (low + 0.05)

    assert all(
        contrast(text, ground) >= 4.5
        for text in ("ink", "soft", "link")
        for ground in ("paper", "sheet")
    )
    assert contrast("ink", "warn") >= 4.5
    assert all(contrast(f"curve-{name}", "paper") >= 3 for name in ("f1", "precision", "recall"))
    colours |= INKS | {kind.name: kind.colour for kind in KINDS.values()}
    assert all(contrast(kind, "dark") >= 4.5 for kind in KINDS)


def test_each_kind_can_be_hidden(source: str, page: Page) -> None:
    """For every kind there is a ticked box, and the style sheet hides that kind when it is not
    ticked.
    """
    for kind in KINDS:
        assert page.find("input", id=f"show-{kind}", type="checkbox")[0].keys() >= {"checked"}
        assert f"body:has(#show-{kind}:not(:checked)) .of-{kind}" in source
