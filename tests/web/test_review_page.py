"""The page in a real Chromium, as a person meets it: judged by keyboard, kept, edited, seen by two,
read by axe.
"""

from __future__ import annotations

import io
import os
import re
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from PIL import Image
from scipy import ndimage

pytest.importorskip("rio_tiler", reason="needs mapsight[web]")

from mapsight.roads.scoring.rerank import order_spread
from mapsight.roads.verdicts.store import VerdictStore, read_verdicts

from .conftest import serving, write_audit

AXE = (Path(__file__).parent / "axe.min.js").read_text("utf-8")
SHOTS = os.environ.get("MAPSIGHT_SHOTS")  # a folder, to look at the states by eye
WAIT_MS = 90_000  # WebGL by software on a busy machine


@pytest.fixture
def open_page(browser):
    """Opens a page and hands it over once it is ready; fails if a script of it did, or if it asked
    another host.

    Without `draw` the browser gets no map library, as one without WebGL: drawing by software takes
    most of the time.
    """
    contexts, faults = [], []

    def open_page(address, *, width=1280, height=800, scheme="light", draw=False):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda line: (
                faults.append(line.text) if "Content Security Policy" in line.text else None
            ),
        )
        page.on(
            "request",
            lambda request: None if _is_ours(request.url, address) else faults.append(request.url),
        )
        if not draw:
            page.route("**/maplibre-gl.mjs", lambda route: route.abort())
        page.goto(address)
        page.wait_for_selector("body[data-ready]")
        page.wait_for_selector("#details .facts")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def _is_ours(url: str, address: str) -> bool:
    return url.startswith((address.split("#")[0], "data:", "blob:"))


def shoot(page, name: str) -> None:
    if SHOTS:
        page.wait_for_timeout(1500)
        page.screenshot(path=f"{SHOTS}/{name}.png")


def press(page, *keys: str) -> None:
    """Keys, each given time to be answered by the server."""
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_selector("#details:not([aria-busy])")


def wait_for(page, selector: str, pattern: str) -> None:
    """Until the element's text matches; the page's policy forbids to wait by evaluating anything
    inside it.
    """
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_text(re.compile(pattern), timeout=WAIT_MS)


def wait_judged(page, count: int) -> None:
    wait_for(page, "#counts", f"^{count} of")


def find_faults(page) -> list[str]:
    """What axe-core (WCAG 2.2 A and AA) calls serious or critical; run beside the page's own
    policy, not through it.
    """
    page.evaluate(AXE + "; undefined")
    found = page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa',"
        " 'wcag22aa']}).then(r => r.violations)"
    )
    return [
        f"{fault['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def test_ten_findings_by_keyboard(audit, open_page):
    """Ten verdicts without a mouse; each is in the file when the page says so, and after a reload
    all are seen.
    """
    verdicts = [
        "accept",
        "reject",
        "unsure",
        "accept",
        "accept",
        "reject",
        "unsure",
        "reject",
        "accept",
        "accept",
    ]
    with serving(audit, reviewer="ann") as address:
        page = open_page(address)
        assert page.locator("#title").inner_text() == "Missing road, 55 m"
        assert "everything else works" in page.locator("#map-note").inner_text()
        press(page, "m")
        page.keyboard.type("a <b>street</b>; a, r and u are no verdicts here")
        press(page, "Escape")
        for count, verdict in enumerate(verdicts, 1):
            press(page, verdict[0])
            wait_judged(page, count)
        kept = read_verdicts(audit / "findings.gpkg")
        assert dict(zip(kept["finding_id"], kept["verdict"], strict=True)) == {
            f"{n:010x}": verdict for n, verdict in enumerate(verdicts)
        }
        assert set(kept["reviewer"]) == {"ann"}
        assert kept["note"][0] == "a <b>street</b>; a, r and u are no verdicts here"
        page.reload()
        page.wait_for_selector("body[data-ready]")
        assert (
            "10 of 12 judged · 5 accepted · 3 rejected · 2 unsure"
            in page.locator("#counts").inner_text()
        )
        assert page.locator("#position").inner_text() == "No. 11 of 12"  # where it was left
        press(page, "r")
        wait_judged(page, 11)
        press(page, "z")
        wait_judged(page, 10)
        assert (
            read_verdicts(audit / "findings.gpkg")
            .set_index("finding_id")
            .loc[f"{10:010x}", "verdict"]
            == "none"
        )
        press(page, "k", "k")
        assert page.locator("#position").inner_text() == "No. 9 of 12"
        assert page.locator("[data-verdict=accept]").get_attribute("aria-pressed") == "true"
        shoot(page, "judged")


def test_a_verdict_outlives_its_page(audit, open_page, monkeypatch):
    """Ten times a key and at once a reload, before a slow disk; then a second verdict that waits
    behind the first.
    """

    def add(*arguments, **told):
        time.sleep(0.3)
        return quick(*arguments, **told)

    quick = VerdictStore.add
    monkeypatch.setattr(VerdictStore, "add", add)
    with serving(audit) as address:
        page = open_page(address)
        for n in range(10):
            assert page.locator("#position").inner_text() == f"No. {n + 1} of 12"
            page.keyboard.press("aru"[n % 3])
            page.reload()
            page.wait_for_selector("body[data-ready]")
            wait_judged(page, n + 1)
            if (
                page.locator("#position").inner_text() == f"No. {n + 1} of 12"
            ):  # the address is still that finding's
                press(page, "j")
        for key in ("a", "j", "r"):  # the second waits: the first is under way
            page.keyboard.press(key)
        page.reload()
        page.wait_for_selector("body[data-ready]")
        wait_judged(page, 12)
        kept = read_verdicts(audit / "findings.gpkg", history=True)
        wanted = ["accept", "reject", "unsure"] * 3 + ["accept", "accept", "reject"]
        assert dict(zip(kept["finding_id"], kept["verdict"], strict=True)) == {
            f"{n:010x}": verdict for n, verdict in enumerate(wanted)
        }


def test_a_verdict_is_counted_when_the_page_moves_on(audit, open_page, monkeypatch):
    """Not before, though the page may hear of it in the meantime: the next key is for the finding
    that comes next.
    """

    def add(*arguments, **told):
        kept = quick(*arguments, **told)
        time.sleep(5)  # longer than the page's pause between two questions
        return kept

    quick = VerdictStore.add
    monkeypatch.setattr(VerdictStore, "add", add)
    with serving(audit) as address:
        page = open_page(address)
        press(page, "a")
        wait_judged(page, 1)
        assert page.locator("#position").inner_text() == "No. 2 of 12"


def test_undo_outlives_its_page(audit, open_page):
    """After a reload `z` takes back what this person said last, step by step, and nothing of
    anybody else's.
    """
    with serving(audit) as address:
        VerdictStore(audit / "findings.gpkg").add(f"{4:010x}", "accept", revision=0, reviewer="bob")
        page = open_page(address)
        page.fill("#reviewer", "ann")
        page.locator("#finding").focus()
        press(page, "a")
        wait_judged(page, 2)
        press(page, "r")
        wait_judged(page, 3)
        page.reload()
        page.wait_for_selector("body[data-ready]")
        press(page, "z")
        wait_judged(page, 2)
        assert page.locator("#position").inner_text() == "No. 2 of 12"
        assert page.locator("#undo").is_enabled()
        press(page, "z")
        wait_judged(page, 1)
        assert page.locator("#position").inner_text() == "No. 1 of 12"
        assert page.locator("#undo").is_disabled()
        press(page, "z")
        wait_for(page, "#said", "nothing to undo")
        kept = read_verdicts(audit / "findings.gpkg").set_index("finding_id")
        assert kept["verdict"].to_dict() == {
            f"{0:010x}": "none",
            f"{1:010x}": "none",
            f"{4:010x}": "accept",
        }
        assert kept["reviewer"].to_dict() == {
            f"{0:010x}": "ann",
            f"{1:010x}": "ann",
            f"{4:010x}": "bob",
        }


def test_a_note_outlives_its_page(audit, open_page):
    """What is typed below a verdict is kept with it, though the page is reloaded in the middle of
    it.
    """
    with serving(audit) as address:
        page = open_page(address)
        press(page, "a")
        wait_judged(page, 1)
        press(page, "k", "m")
        page.keyboard.type("a lane")
        page.reload()
        page.wait_for_selector("body[data-ready]")
        page.wait_for_selector("#history q")
        assert page.locator("#history q").inner_text() == "a lane"
        assert page.locator("#note").input_value() == "a lane"


def test_a_line_is_mended(audit, open_page):
    """A point is moved by keys, another is added, and the mended line is what is kept; so is one
    that is dragged.
    """
    before = (
        gpd.read_file(audit / "findings.gpkg", layer="findings")
        .set_index("finding_id")
        .geometry[f"{0:010x}"]
    )
    with serving(audit) as address:
        page = open_page(address, draw=True)
        shoot(page, "start")
        press(page, "e")
        page.wait_for_selector("#edit-bar:not([hidden])")
        page.wait_for_timeout(500)
        press(page, "]", *["ArrowUp"] * 12, "+")
        shoot(page, "edit")
        assert page.locator("#edit-point").inner_text() == "point 3 of 4"
        assert find_faults(page) == []
        press(page, "Enter", "a")
        wait_judged(page, 1)
        drawn = shapely.from_wkt(read_verdicts(audit / "findings.gpkg").loc[0, "geometry_wkt"])
        assert len(drawn.coords) == 4
        moved = shapely.Point(drawn.coords[1]).distance(shapely.Point(before.coords[1]))
        assert 0.5 < moved < 20
        assert drawn.coords[0] == pytest.approx(before.coords[0], abs=0.02)
        press(page, "k", "e")
        page.wait_for_selector("#edit-bar:not([hidden])")
        page.wait_for_timeout(500)
        press(page, "Escape")
        assert page.locator("#edit-bar").is_hidden()


def test_two_people_see_both(audit, open_page):
    """Ann and Bob judge one finding: Bob sees both verdicts and decides, and Ann hears of it by
    herself.
    """
    with serving(audit) as address:
        ann = open_page(address)
        bob = open_page(address)
        for page, name in ((ann, "ann"), (bob, "bob")):
            page.fill("#reviewer", name)
            page.locator("#finding").focus()
        bob.route("**/api/verdicts**", lambda route: route.abort())  # he has not heard yet
        press(ann, "a")
        wait_judged(ann, 1)
        press(bob, "r")
        bob.wait_for_selector("#conflict[open]")
        said = bob.locator("#conflict").inner_text()
        assert "accepted by ann" in said
        assert "rejected by bob" in said
        shoot(bob, "conflict")
        bob.get_by_role("button", name="Use mine instead").click()
        wait_judged(bob, 1)
        wait_for(ann, "#counts", "1 rejected")
        history = read_verdicts(audit / "findings.gpkg", history=True)
        assert history[["verdict", "reviewer", "revision"]].values.tolist() == [
            ["accept", "ann", 1],
            ["reject", "bob", 2],
        ]


@pytest.mark.parametrize(
    ("width", "height", "scheme"), [(320, 640, "dark"), (1280, 800, "light"), (3840, 2160, "light")]
)
def test_every_size_is_accessible(audit, open_page, width, height, scheme):
    """No serious fault for axe, and nothing hangs over the side; the theme can be switched against
    the system's.
    """
    with serving(audit) as address:
        page = open_page(address, width=width, height=height, scheme=scheme)
        page.wait_for_selector("#details .crops img")
        page.locator("#filters summary").click()
        page.locator(".parts summary").click()
        shoot(page, f"open-{width}-{scheme}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert find_faults(page) == []
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        switch = page.locator("[data-theme-switch]")
        for _ in range(2):  # light, then dark
            switch.click()
        assert switch.inner_text() == "Theme: dark"
        if scheme == "light":
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") != paper
        assert find_faults(page) == []
        shoot(page, f"dark-{width}")
        page.keyboard.press("?")
        assert page.locator("#keys").is_visible()
        assert find_faults(page) == []
        page.keyboard.press("Escape")


@pytest.mark.parametrize(("width", "share"), [(1280, 0.48), (1920, 0.5), (3840, 0.55)])
def test_words_have_room(audit, open_page, width, share):
    """The map gets about half of the width and more, the header is one line, no button or heading
    of a table breaks.
    """
    with serving(audit) as address:
        page = open_page(address, width=width, height=width * 5 // 8)
        page.locator(".parts summary").click()
        page.evaluate(
            "document.getElementById('image-name').textContent ="
            " 'a_long_name_of_an_image_of_a_city.tif'"
        )
        assert page.locator(".map-pane").bounding_box()["width"] >= share * width
        line = page.locator("#show-keys").bounding_box()["height"]
        assert page.locator("header.bar").bounding_box()["height"] < 2 * line
        for part in page.locator("#verdicts button, .parts thead th").all():
            assert part.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), part.inner_text()
        for heading in page.locator(".parts thead th").all():
            letter = heading.evaluate("e => parseFloat(getComputedStyle(e).lineHeight)")
            assert heading.bounding_box()["height"] < 2 * letter, heading.inner_text()
        rows = page.locator("#list .what span").all_inner_texts()
        assert rows[:4] == ["missing", "55 m", "phantom", "55 m · residential"]


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (3840, 2160)])
def test_a_short_finding_is_seen_at_any_size(audit, open_page, width, height):
    """The finding flown to takes a fifth to two thirds of the map's smaller side, and lies in its
    middle.
    """
    with serving(audit) as address:
        page = open_page(address, width=width, height=height, draw=True)
        page.wait_for_timeout(2000)
        shot = page.locator("#map").screenshot()
        shown = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)
        part = (np.abs(shown - (0xFF, 0x9A, 0x1F)) < 40).all(
            axis=2
        )  # the colour of what is missing
        pieces, _ = ndimage.label(ndimage.binary_dilation(part, iterations=3))
        middle = pieces[tuple(slice(n // 2 - n // 12, n // 2 + n // 12) for n in part.shape)]
        rows, cols = np.nonzero(np.isin(pieces, middle[middle > 0]))
        long = max(np.ptp(rows), np.ptp(cols)) / min(part.shape)
        assert 0.2 < long < 0.67


def test_the_legend_tells_the_strokes(audit, open_page):
    """Open on a wide screen, closed on a small one, and as it was left; axe reads it in both themes
    at 320 px, too.
    """
    with serving(audit) as address:
        page = open_page(address)
        assert (
            "Dashed is the map's line, solid the road as seen."
            in page.locator("#legend").inner_text()
        )
        assert "Accept: the map is wrong here." in page.locator("#legend").inner_text()
        page.locator("#legend summary").click()
        for _ in range(100):  # `toggle` comes a task later
            if page.evaluate("localStorage.getItem('mapsight-legend')") == "closed":
                break
            page.wait_for_timeout(50)
        page.reload()
        page.wait_for_selector("body[data-ready]")
        assert page.locator("#legend").get_attribute("open") is None
        for scheme in ("light", "dark"):
            small = open_page(address, width=320, height=640, scheme=scheme)
            assert small.locator("#legend").get_attribute("open") is None
            small.locator("#legend summary").click()
            assert small.locator("#legend dl").is_visible()
            assert small.evaluate("document.documentElement.scrollWidth") <= 320
            assert find_faults(small) == []
            shoot(small, f"legend-320-{scheme}")


def test_the_list_in_other_orders(audit, open_page):
    """In one of them every beginning is spread over the list; `j` follows the order that is
    shown.
    """
    with serving(audit) as address:
        page = open_page(address)
        page.locator("#filters summary").click()
        page.select_option("select[name=order]", "spread")
        page.locator("#list").focus()
        press(page, "Home")
        seen = []
        for _ in range(4):
            seen.append(int(page.locator("#position").inner_text().split()[1]) - 1)
            press(page, "j")
        assert seen == order_spread(12)[:4].tolist()
        press(page, "a")
        wait_judged(page, 1)
        fifth, sixth = order_spread(12)[4:6] + 1
        wait_for(page, "#position", f"^No. {sixth} of 12")
        assert read_verdicts(audit / "findings.gpkg")["finding_id"].tolist() == [
            f"{fifth - 1:010x}"
        ]


def test_layers_swipe_and_filters(audit, open_page):
    """What keys and switches say is what happens; the list and the map show what the filter
    leaves.
    """
    with serving(audit) as address:
        page = open_page(address, draw=True)
        press(page, "s")
        assert page.locator("#swipe").is_visible()
        press(page, "ArrowLeft", "ArrowLeft")
        assert page.locator("#swipe").get_attribute("aria-valuenow") == "46"
        shoot(page, "swipe")
        press(page, "s", "b")
        assert page.locator("#swipe").is_hidden()
        assert page.locator("#layer-switches input").nth(3).is_checked()
        page.locator("#filters summary").click()
        page.get_by_label("phantom").uncheck()
        assert "8 of 12 shown" in page.locator("#shown").inner_text()
        page.select_option("select[name=road]", "service")
        assert "4 of 12 shown" in page.locator("#shown").inner_text()
        assert page.locator("#list [role=option]").count() == 4
        page.get_by_role("button", name="Show all").click()
        wait_for(page, "#shown", "^12 of")
        page.select_option("select[name=verdict]", "none")
        page.locator("#list").focus()
        press(page, "ArrowDown", "ArrowDown", "a")
        wait_for(page, "#shown", "^11 of")


def test_names_are_inert(audit, open_page):
    """Markup in a road's name, a reason or a note is shown as it is written (bad-input rule 36)."""
    with serving(audit) as address:
        page = open_page(address)
        page.fill("#note", "<img src=x onerror=alert(1)>")
        page.locator("#finding").focus()
        press(page, "a")
        wait_judged(page, 1)
        press(page, "k")
        page.wait_for_selector("#history q")
        assert "<img src=x" in page.locator("#history").inner_text()
        assert "<img src=x" in page.locator("#details .facts").inner_text()
        assert page.title() == "mapsight review"
        assert page.locator("#details img").count() == 2  # the two crops


SCROLL = """async () => {
  const list = document.querySelector('#list'), rows = [];
  const far = list.scrollHeight - list.clientHeight;
  for (let step = 0; step <= 20; step += 1) {
    list.scrollTop = far * step / 20;
    await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    const seen = [...list.querySelectorAll('[role=option]')]
      .map((row) => Number(row.getAttribute('aria-posinset')));
    rows.push([seen.length, Math.min(...seen), Math.max(...seen)]);
  }
  return rows;
}"""


def test_ten_thousand_findings(tmp_path, open_page):
    """Ten thousand scroll like a hundred: wherever one is few rows exist, and the last is reached
    at once.

    What that takes is measured by benchmarks/review_page.py.
    """
    with serving(write_audit(tmp_path / "many", count=10_000)) as address:
        page = open_page(address)
        assert page.locator("#list [role=option]").count() < 60
        page.locator("#list").focus()
        press(page, "End")
        assert page.locator("#position").inner_text() == "No. 10,000 of 10,000"
        assert page.locator("#list [aria-selected=true]").get_attribute("aria-posinset") == "10000"
        rows = page.evaluate(SCROLL)
        assert max(count for count, _, _ in rows) < 60
        for step, (_, first, last) in enumerate(rows):
            assert (
                first - 60 <= max(step * 500, 1) <= last + 60
            )  # what is there is what belongs there


def test_a_place_has_an_address(audit, open_page):
    """#finding in the address opens that finding."""
    with serving(audit) as address:
        page = open_page(f"{address}/#{7:010x}")
        assert page.locator("#position").inner_text() == "No. 8 of 12"
        press(page, "j")
        assert re.search(f"#{8:010x}$", page.url)
