"""Templates of services: placeholders in any order, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from mapsight.errors import InputError
from mapsight.geo.sources.area import Area
from mapsight.geo.sources.cells import Cell, CellSettings, choose_cells
from mapsight.geo.sources.template import read_template

MUNICH = Area(11.57, 48.13, 11.59, 48.15)


def ask(
    text: str,
    cell: Cell | None = None,
    *,
    m_per_px: float = 1.0,
    settings: CellSettings = CellSettings(),
) -> str:
    """The address of one picture (of the first in the area unless named)."""
    template, box = read_template(text), MUNICH.choose_grid(m_per_px)
    cells = choose_cells(template, box, settings)
    if cell is None:
        rows, cols = cells.find_over(box)
        cell = Cell(rows[0], cols[0])
    return template.fill(cells.name_values(cell), cell.row + cell.col).url


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://t.example/{z}/{x}/{y}.png", "https://t.example/3/5/2.png"),
        ("https://t.example/{y}/{z}?col={x}", "https://t.example/2/3?col=5"),
        ("https://t.example/{zoom}/{x}/{-y}.png", "https://t.example/3/5/5.png"),
        ("https://t.example/{TileMatrix}/{TileRow}/{TileCol}.png", "https://t.example/3/2/5.png"),
        (
            "https://t.example/wmts?TILEMATRIX={z}&TILEROW={y}&TILECOL={x}",
            "https://t.example/wmts?TILEMATRIX=3&TILEROW=2&TILECOL=5",
        ),
        ("https://t.example/{q}.jpeg", "https://t.example/121.jpeg"),
        ("https://t.example/{quadkey}.jpeg", "https://t.example/121.jpeg"),
        ("https://{s}.t.example/{z}/{x}/{y}.png", "https://b.t.example/3/5/2.png"),
        ("https://{switch:t1,t2}.t.example/{z}/{x}/{y}.png", "https://t2.t.example/3/5/2.png"),
    ],
)
def test_placeholders_in_any_order(text, address):
    """Row 2, column 5 of zoom 3: Microsoft's documentation gives quadkey 213 for (3, 5), hence 121
    for (5, 2).
    """
    assert ask(text, Cell(2, 5), settings=CellSettings(zoom=3)) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tms:https://t.example/{zoom}/{x}/{y}.png", "https://t.example/3/5/2.png"),
        ("tms[3,19]:https://t.example/{zoom}/{x}/{-y}.png", "https://t.example/3/5/5.png"),
        (
            "TMS[19]:https://{switch:a,b}.t.example/{zoom}/{x}/{y}",
            "https://b.t.example/3/5/2",
        ),
        ("https://t.example/{22-zoom}/{zoom+1}/{x}/{y}", "https://t.example/19/4/5/2"),
        ("https://t.example/{z-1}/{x}/{!y}", "https://t.example/2/5/1"),
        ("https://t.example/{z}/{x}/{y}{r}.png", "https://t.example/3/5/2.png"),
        ("https://t.example/{z}/{x}/{y}{@2x|@3x}.jpg", "https://t.example/3/5/2.jpg"),
        ("https://t.example/{u}.jpeg", "https://t.example/121.jpeg"),
        ("https://t.example/{z}/{x}/{ty}", "https://t.example/3/5/5"),
        ("https://{a-c}.t.example/{z}/{x}/{y}", "https://b.t.example/3/5/2"),
        ("https://mt{0-3}.t.example/{z}/{x}/{y}", "https://mt3.t.example/3/5/2"),
        ("https://t.example/tile/{level}/{row}/{col}", "https://t.example/tile/3/2/5"),
        ("https://t.example/%7Bz%7D/%7bx%7d/%7B-y%7D", "https://t.example/3/5/5"),
        ("https://t.example/${z}/${x}/${y}", "https://t.example/3/5/2"),
        ("https://t.example/{$z}/{$x}/{$y}", "https://t.example/3/5/2"),
        (
            "type=xyz&url=https://t.example/%7Bz%7D/%7Bx%7D/%7By%7D&zmax=19&zmin=0",
            "https://t.example/3/5/2",
        ),
        (
            "zmin=0&type=xyz&zmax=22&url=https%3A%2F%2Ft.example%2F%7Bz%7D%3Fx%3D%7Bx%7D%26y%3D%7By%7D",
            "https://t.example/3?x=5&y=2",
        ),
    ],
)
def test_addresses_of_other_programs(text, address):
    """JOSM, iD, Leaflet, OpenLayers, ArcGIS, GDAL, OruxMaps and QGIS write the same tile in their
    ways.
    """
    assert ask(text, Cell(2, 5), settings=CellSettings(zoom=3)) == address


@pytest.mark.parametrize(
    ("text", "zoom"),
    [
        ("tms[16]:https://t.example/{zoom}/{x}/{y}", 16),
        ("tms[3,15]:https://t.example/{zoom}/{x}/{y}", 15),
        ("type=xyz&url=https://t.example/{z}/{x}/{y}&zmax=14&zmin=0", 14),
        ("tms[22]:https://t.example/{zoom}/{x}/{y}", 17),
        ("tms[18,22]:https://t.example/{zoom}/{x}/{y}", 18),
    ],
)
def test_zooms_that_the_address_states(text, zoom):
    """No zoom is asked that the address says is not there."""
    assert f"/{zoom}/" in ask(text)


GETMAP = (
    "SERVICE=WMS&REQUEST=GetMap&LAYERS=0&STYLES=&FORMAT=image/png&WIDTH={width}&HEIGHT={height}"
)


@pytest.mark.parametrize(
    ("text", "said", "first"),
    [
        (f"?VERSION=1.3.0&CRS={{proj}}&{GETMAP}&BBOX={{bbox}}", "CRS=EPSG:3857", "128"),
        (f"?VERSION=1.1.1&SRS={{proj}}&{GETMAP}&BBOX={{bbox}}", "SRS=EPSG:3857", "128"),
        (f"?CRS=EPSG:4326&{GETMAP}&BBOX={{bbox}}", "VERSION=1.3.0", "48."),
        (f"?CRS=EPSG%3A4326&{GETMAP}&BBOX={{bbox}}", "VERSION=1.3.0", "48."),
        (f"?SRS=EPSG:4326&{GETMAP}&BBOX={{bbox}}", "VERSION=1.1.1", "11."),
        (f"?crs=epsg:4326&version=&{GETMAP}&bbox={{bbox}}", "VERSION=1.3.0", "48."),
        (f"?VERSION=1.3.0&CRS=EPSG:31468&{GETMAP}&BBOX={{bbox}}", "31468", "533"),
        (f"?VERSION=1.3.0&CRS=EPSG:25832&{GETMAP}&BBOX={{bbox}}", "25832", "690"),
        (f"?VERSION=1.1.1&SRS=EPSG:900913&{GETMAP}&BBOX={{bbox}}", "900913", "128"),
        (f"?SRS=EPSG:4326&{GETMAP}&BBOX={{w}},{{s}},{{e}},{{n}}", "VERSION=1.1.1", "11."),
        ("/export?bboxSR=102100&imageSR=102100&f=image&bbox={bbox}", "102100", "128"),
        ("/export?bboxSR=4326&imageSR=4326&f=image&bbox={bbox}", "4326", "11."),
        ("/export?bboxSR={wkid}&imageSR={wkid}&f=image&bbox={bbox}", "bboxSR=3857", "128"),
    ],
)
def test_boxes_as_services_want_them(text, said, first):
    """The CRS and its order of axes: latitude or northing first is 1.3.0's and its registry's."""
    for spelling in ("https://w.example/wms", "wms:https://w.example/wms"):
        address = ask(spelling + text)
        assert said in address
        assert address.lower().split("bbox=")[1].startswith(first)
        assert "{" not in address


def test_a_wms_layer_of_qgis():
    """What QGIS shows as a layer's source becomes GetMap in the layer's own CRS."""
    address = ask(
        "contextualWMSLegend=0&crs=EPSG:25832&dpiMode=7&format=image/jpeg&layers=by_dop20c&styles"
        "&url=https://w.example/ows?map%3Dx"
    )
    assert address.startswith(
        "https://w.example/ows?map=x&SERVICE=WMS&VERSION=1.3.0&REQUEST=GetMap"
    )
    assert "LAYERS=by_dop20c&STYLES=&FORMAT=image/jpeg&CRS=EPSG:25832" in address
    assert address.split("BBOX=")[1].startswith("690")


def test_quadkey_of_the_documentation():
    """Bing Maps Tile System: tile (3, 5) at level 3 has the quadkey 213."""
    assert (
        ask("https://t.example/{q}", Cell(5, 3), settings=CellSettings(zoom=3))
        == "https://t.example/213"
    )


@given(st.integers(1, 22), st.integers(0, 2**22 - 1), st.integers(0, 2**22 - 1))
def test_quadkeys_equal_morecantile(zoom, x, y):
    """Our spelling is that of the library."""
    import morecantile

    x, y = x % 2**zoom, y % 2**zoom
    tms = morecantile.tms.get("WebMercatorQuad")
    key = ask("https://t.example/{q}", Cell(y, x), settings=CellSettings(zoom=zoom)).rpartition(
        "/"
    )[2]
    assert key == tms.quadkey(morecantile.Tile(x, y, zoom))


@pytest.mark.parametrize(
    ("m_per_px", "zoom"), [(1.0, 17), (0.5, 18), (0.2, 19), (10, 14), (0.01, 22)]
)
def test_zoom_is_as_fine_as_wanted(m_per_px, zoom):
    """At 48° a pixel of zoom z measures 104.5 km / 2^z: 0.80 m at 17, 0.40 at 18; the finest is the
    limit.
    """
    assert f"/{zoom}/" in ask("https://t.example/{z}/{x}/{y}", m_per_px=m_per_px)


def test_wms_axes():
    """1.3.0 with EPSG:4326 wants latitude first, 1.1.1 and CRS:84 longitude; sizes may stand in the
    template.
    """
    wms = "https://w.example/?VERSION={}&{}&BBOX={{bbox}}&WIDTH=300&HEIGHT={{height}}"
    first = [
        ask(wms.format(*case)).split("BBOX=")[1].split(",")[0][:2]
        for case in (
            ("1.3.0", "CRS=EPSG:4326"),
            ("1.1.1", "SRS=EPSG:4326"),
            ("1.3.0", "CRS=CRS:84"),
        )
    ]
    assert first == ["48", "11", "11"]
    assert "WIDTH=300&HEIGHT=512" in ask(wms.format("1.3.0", "CRS=EPSG:25832"))


def test_wms_in_the_crs_of_the_image_is_not_resampled():
    """Asked in the image's own CRS, the pictures lie on its very grid."""
    box = MUNICH.choose_grid(0.5)
    cells = choose_cells(
        read_template("https://w.example/?CRS=EPSG:32632&BBOX={bbox}"), box, CellSettings()
    )
    assert (cells.unit, cells.crs) == (0.5, CRS.from_epsg(32632))
    assert ((box.transform.c - cells.left) / cells.unit).is_integer()


def test_national_tile_matrix_sets():
    """A WMTS in another CRS: the zoom 0 of EuropeanETRS89_LAEAQuad is one tile of 256 × 17578.125 m
    (OGC).
    """
    box, settings = (
        MUNICH.choose_grid(1.0),
        CellSettings(zoom=0, matrix_set="EuropeanETRS89_LAEAQuad"),
    )
    cells = choose_cells(read_template("https://t.example/{z}/{y}/{x}"), box, settings)
    assert cells.crs == CRS.from_epsg(3035)
    left, bottom, right, top = cells.bounds(Cell(0, 0))
    assert (left, top) == pytest.approx((2_000_000, 5_500_000))
    assert right - left == top - bottom == pytest.approx(256 * 17578.125)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("https://t.example/{z}/{x}.png", "lacks"),
        ("https://t.example/{z}/{x}/{w0}.png", "not known"),
        ("https://t.example/{lon},{lat}.png", "needs {zoom}"),
        ("file:///tiles/{z}/{x}/{y}.png", "http"),
        ("/vsicurl/{z}/{x}/{y}", "http"),
        ("https://t.example/{z}/{x}/{y}?key=abc", "env:NAME"),
        ("https://tile.openstreetmap.org/{z}/{x}/{y}.png", "usage policy"),
        ("https://{s}.tile.openstreetmap.org/{z}/{x}/{y}.png", "usage policy"),
        ("https://mt1.google.com/vt/lyrs=s&x={x}&y={y}&z={z}", "terms"),
        ("https://w.example/?CRS=http://evil/&BBOX={bbox}", "not the name of a CRS"),
        ("wmts:https://w.example/capabilities.xml", "wmts:"),
        ("wms_endpoint:https://w.example/wms", "wms_endpoint:"),
        ("type=xyz&url=https://t.example/{z}/{x}/{y}&username=u&password=p", "password"),
        ("crs=EPSG:3857&layers=a&tileMatrixSet=g&url=https://w.example/wmts", "WMTS"),
        ("https://t.example/{z}/{x}/{y}?k={apikey}", "env:NAME"),
        ("https://t.example/{z}/{x}/{y}?k={accessToken}", "env:NAME"),
        ("https://t.example/{header(User-Agent,x)}/{z}/{x}/{y}", "not known"),
        ("https://w.example/?bboxSR=4326&imageSR=3857&bbox={bbox}", "write the same"),
        ("https://w.example/?WIDTH=99999&BBOX={bbox}", "64 to 4096"),
    ],
)
def test_refused(text, word):
    """One line each, and nobody is asked."""
    with pytest.raises(InputError, match=word):
        ask(text)


def test_braces_cannot_reach_into_python():
    """Placeholders are looked up in a list; they are no format strings."""
    with pytest.raises(InputError, match="not known"):
        ask("https://t.example/{z.__class__}/{x}/{y}")
