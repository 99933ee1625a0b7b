"""The page in headless Chromium: each part computes, by pointer and by keyboard, and is fit for
everybody to use.
"""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs mapsight[web]")

from mapsight.web.lab.app import make_lab_app
from mapsight.web.serve import bind, make_server

AXE = Path(__file__).parent.parent / "axe.min.js"
PARTS = ("filters", "digit", "tile")
READY_MS = 90_000


@pytest.fixture(scope="module")
def address(desk):
    """The page, served in a thread as `mapsight lab` serves it."""
    listener = bind("127.0.0.1", 0)
    server = make_server(make_lab_app(desk))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    server.should_exit = True
    thread.join(20)
    listener.close()


@pytest.fixture
def visit(browser, address):
    """visit(part, width, scheme): an open page that has computed; it must ask nobody else and throw
    nothing.
    """
    faults: list[str] = []
    opened = []

    def visit(part: str, width: int = 1280, scheme: str = "light"):
        size = {"width": width, "height": 800}
        context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: message.type == "error" and faults.append(message.text))
        page.on(
            "request",
            lambda asked: (
                asked.url.startswith((address, "data:", "blob:")) or faults.append(asked.url)
            ),
        )
        page.goto(f"{address}#{part}")
        page.wait_for_selector("html[data-ready]", timeout=READY_MS)
        if part == "tile":
            page.wait_for_selector("html[data-tile]", timeout=READY_MS)
        return page

    yield visit
    for context in opened:
        context.close()
    assert not faults


def until(page, condition: str, given: str | None = None) -> None:
    """Waits for a condition (playwright's own way needs `eval`, which the page's policy
    forbids).
    """
    end = time.monotonic() + READY_MS / 1000
    while not page.evaluate(condition, given):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(50)


def read_sum(page) -> str:
    return page.locator("#filter-worked .spelled .sum b").inner_text()


def test_the_lecture_by_keyboard(visit):
    """From the first cell of the feature map two steps down and four to the right: the lecture's
    1020, spelled out.
    """
    page = visit("filters")
    page.focus("#raw-view")
    page.keyboard.press("Control+Home")
    for key in ("ArrowDown", "ArrowDown", *["ArrowRight"] * 4):
        page.keyboard.press(key)
    assert page.locator("#filter-worked h2").inner_text() == "Row 3, column 5 of the feature map"
    assert read_sum(page) == "1020"
    assert page.locator("#said").inner_text() == "row 3, column 5: 1020"
    page.keyboard.press("ArrowLeft")
    assert read_sum(page) == "510"


def test_an_own_filter_over_a_dropped_image(visit, tmp_path):
    """Drop a picture, type a filter, point at a cell: window, products and sum are that
    picture's.
    """
    from PIL import Image

    picture = Image.new("RGB", (4, 4), (10, 10, 10))
    picture.putpixel((2, 1), (200, 200, 200))
    picture.save(tmp_path / "<img src=x onerror=alert(1)>.png")
    page = visit("filters")
    page.set_input_files("#input-file", tmp_path / "<img src=x onerror=alert(1)>.png")
    until(page, "document.querySelector('#input-caption').textContent === 'Input, 4 × 4'")
    page.check("input[name=padding][value=valid]")
    cells = page.locator("#filter-table input")
    for at in range(9):
        cells.nth(at).fill("0,5" if at == 5 else "0")
    assert page.input_value("#filter-choice") == "own"
    frame = page.locator("#raw-view").bounding_box()
    page.locator("#raw-view").hover(
        position={"x": frame["width"] * 0.25, "y": frame["height"] * 0.25}
    )
    assert read_sum(page) == "100"
    cells.nth(0).fill("many")
    assert cells.nth(0).get_attribute("aria-invalid") == "true" and read_sum(page) == "100"
    (tmp_path / "text.png").write_text("no picture")
    page.set_input_files("#input-file", tmp_path / "text.png")
    page.wait_for_selector("#input-error:not([hidden])")
    assert "cannot read" in page.locator("#input-error").inner_text()


def test_painting_changes_the_map(visit):
    """A painted pixel is in the sums at once: with the pointer and with the space bar."""
    page = visit("filters")
    page.select_option("#input-choice", "empty")
    page.select_option("#filter-choice", "identity")
    page.check("input[name=padding][value=same]")
    page.fill("#brush", "77")
    frame = page.locator("#input-view").bounding_box()
    cell = frame["width"] / 16  # 14 and a margin of one on each side
    page.locator("#input-view").click(position={"x": 4.5 * cell, "y": 3.5 * cell})
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.focus("#raw-view")
    page.keyboard.press("Control+Home")
    for key in ("ArrowDown", "ArrowDown", *["ArrowRight"] * 3):
        page.keyboard.press(key)
    assert read_sum(page) == "77"
    page.keyboard.press("ArrowRight")
    assert read_sum(page) == "77"
    page.keyboard.press("ArrowRight")
    assert read_sum(page) == "0"


def test_a_digit_is_read_live(visit):
    """A stroke down the middle is a 1; each kind of value can be opened and agrees with its
    parts.
    """
    page = visit("digit")
    page.click("#digit-clear")
    frame = page.locator("#paint-view").bounding_box()
    side = frame["width"] / 28
    page.mouse.move(frame["x"] + 14 * side, frame["y"] + 5 * side)
    page.mouse.down()
    page.mouse.move(frame["x"] + 14 * side, frame["y"] + 23 * side, steps=12)
    page.mouse.up()
    until(page, "document.querySelector('#digit-votes .best').textContent.startsWith('1')")
    for layer in range(10):
        target = (
            page.locator(f"[aria-labelledby=layer-{layer}]").locator("button, canvas.matrix").first
        )
        target.click(position={"x": 20, "y": 10})
        title = page.locator(f"#layer-{layer}").inner_text()
        assert page.locator("#digit-worked h2").inner_text().split(",")[0] in title
        assert page.locator("#digit-worked .check-ok").count() == 1
        assert page.locator("#digit-worked .check-bad").count() == 0


def follow(page, act) -> tuple[str, str]:
    """The tile and pixel shown before and after something was done."""
    before = page.locator("html").get_attribute("data-tile")
    act()
    until(page, "(before) => document.documentElement.dataset.tile !== before", before)
    return before, page.locator("html").get_attribute("data-tile")


def test_a_tile_from_pixel_to_score(visit):
    """Each finding's chain agrees with torch throughout; arrow keys move the pixel; steps can be
    walked back.
    """
    page = visit("tile")
    kinds = page.locator("#tile-findings button")
    assert kinds.count() >= 2
    for at in range(kinds.count()):
        if at:
            follow(page, lambda: kinds.nth(at).click())  # noqa: B023
        assert page.locator("#tile .check-bad").count() == 0
        assert page.locator("#tile .check-ok").count() >= 12
        kind, score = re.fullmatch(r"(\w+), score ([\d.]+) %", kinds.nth(at).inner_text()).groups()
        finding = page.locator("#card-finding").inner_text()
        exact = 100 * float(
            re.findall(r"mapsight: ([\d.]+)", finding)[-1]
        )  # the button's one digit would round twice
        assert exact == pytest.approx(float(score), abs=0.051)
        assert kind in finding and f"about {exact:.0f} should be real" in finding
    page.focus("canvas.photo")
    before, after = follow(page, lambda: page.keyboard.press("Shift+ArrowRight"))
    assert int(after.split()[2]) - int(before.split()[2]) == 10
    pressed = (
        "(step) => document.querySelector('.steps [aria-pressed=true] b').textContent === step"
    )
    page.get_by_role("button", name="Logit").click()
    until(page, pressed, "Logit")
    for step in (
        "Head",
        "Up 3, convolution",
    ):  # from the logit back, along the button of the most important part
        page.locator("#card-journey button.link").first.click()
        until(page, pressed, step)
        assert page.locator("#tile .check-bad").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("part", PARTS)
def test_everybody_can_use_it(visit, part, scheme):
    """axe-core finds nothing serious, and nothing hangs over the side at 320, 1280 and 3840 px."""
    page = visit(part, 320, scheme)
    for width in (320, 3840, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] })"
    )
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert not [f"{v['id']}: {[node['html'][:150] for node in v['nodes'][:4]]}" for v in serious]


def test_theme_switch(visit):
    """The switch goes from the system's theme to light and to dark, and maps are drawn anew."""
    page = visit("filters", scheme="light")
    corner = "document.querySelector('#raw-view').getContext('2d').getImageData(8, 8, 1, 1).data[0]"
    light = page.evaluate(corner)
    switch = page.locator("[data-theme-switch]")
    switch.click()
    switch.click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    until(page, f"{corner} < 100")
    assert light > 200
