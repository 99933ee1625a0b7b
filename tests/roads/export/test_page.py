"""The page in a real browser, from disk: shown, filtered, judged by keyboard, saved, read back;
inert, accessible.
"""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from mapsight.roads.export.formats import export_run
from mapsight.roads.export.read_back import read_judgements

AXE = Path(__file__).parents[2] / "web" / "axe.min.js"


def open_page(browser, path, **options):
    """The page and all that its console says and all that it asks for."""
    page = browser.new_context(bypass_csp=False, **options).new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.resolve().as_uri())
    return page, said, asked


def test_page_holds_picture_and_data(audit_dir):
    """One file: the whole image as JPEG, the findings as JSON that cannot end its element."""
    path, count, remarks = export_run(audit_dir, "html")
    text = path.read_text(encoding="utf-8")
    assert count == 6 and not remarks
    picture = text.partition("data:image/jpeg;base64,")[2].partition('"')[0]
    assert Image.open(io.BytesIO(base64.b64decode(picture))).size == (800, 600)
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    first = next(f for f in data["findings"] if f["id"] == "id00000000")
    assert first["line"] == [[100.0, 100.0], [200.0, 120.0], [300.0, 100.0]]
    assert "<img" not in text and 'http-equiv="Content-Security-Policy"' in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "").replace(
        "http://evil.example", ""
    )


def test_without_the_image_there_is_a_page_all_the_same(audit_dir):
    """The image has gone: the lines are shown on a blank ground, and a remark says so."""
    (audit_dir / "image.tif").unlink()
    path, _, remarks = export_run(audit_dir, "html")
    assert "data:image/jpeg" not in path.read_text() and "without a picture" in remarks[0]
    (audit_dir / "audit.json").unlink()
    _, count, remarks = export_run(audit_dir, "html")
    assert count == 6 and "without a picture" in remarks[0]


def test_judging_by_keyboard(browser, audit_dir, tmp_path):
    """Five keys judge three findings; a reload keeps them; the saved file is what `mapsight
    verdicts` reads.
    """
    path, _, _ = export_run(audit_dir, "html")
    page, said, asked = open_page(browser, path, accept_downloads=True)
    assert page.inner_text("#progress") == "3 of 6 judged"
    assert page.locator("#list li:visible").count() == 5
    before = page.get_attribute("#map", "viewBox")
    page.keyboard.press("j")
    assert page.inner_text("#card-name") == "1. missing, 95 %"
    assert page.get_attribute("#map", "viewBox") != before
    page.keyboard.press("r")
    assert page.inner_text("#card-name") == "2. phantom, 80 %"
    page.keyboard.press("n")
    page.keyboard.type("under trees, a r u")
    page.keyboard.press("Enter")
    page.keyboard.press("u")
    page.keyboard.press("a")
    page.reload()
    assert page.inner_text("#progress") == "6 of 6 judged"
    assert page.locator("#list li:visible").count() == 4
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(tmp_path / "verdicts.json")
    judged = {
        one.names[0]: (one.verdict, one.note) for one in read_judgements(tmp_path / "verdicts.json")
    }
    assert judged == {
        "id00000000": ("reject", ""),
        "id00000001": ("unsure", "under trees, a r u"),
        "id00000002": ("accept", ""),
    }
    assert not said
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)


def test_two_tabs_are_one_review(browser, audit_dir, tmp_path):
    """What one tab says the other shows, and adds to: no verdict is lost, and no note that is being
    written.
    """
    from playwright.sync_api import expect

    path, _, _ = export_run(audit_dir, "html")
    one, said, _ = open_page(browser, path, accept_downloads=True)
    two = one.context.new_page()
    two.on("pageerror", lambda error: said.append(str(error)))
    two.goto(path.resolve().as_uri())
    for page in (one, two):
        page.keyboard.press("j")
    two.keyboard.press("n")
    two.keyboard.type("a farm track")
    one.keyboard.press("a")
    expect(two.locator("#progress")).to_have_text("4 of 6 judged")
    assert two.get_attribute("[data-verdict=accept]", "aria-pressed") == "true"
    two.keyboard.press("Enter")  # the note, on what the other tab has said
    two.keyboard.press("j")
    two.keyboard.press("u")
    expect(one.locator("#progress")).to_have_text("5 of 6 judged")
    assert (
        one.get_attribute("[data-verdict=unsure]", "aria-pressed") == "true"
    )  # it stands on the second finding
    one.keyboard.press("k")
    assert one.input_value("#note") == "a farm track"
    two.reload()
    with two.expect_download() as download:
        two.click("#save")
    download.value.save_as(tmp_path / "verdicts.json")
    judged = {
        each.names[0]: (each.verdict, each.note)
        for each in read_judgements(tmp_path / "verdicts.json")
    }
    assert judged == {"id00000000": ("accept", "a farm track"), "id00000001": ("unsure", "")}
    assert not said


def test_a_tab_that_heard_nothing_erases_nothing(browser, audit_dir):
    """Also where no event has come (a page from the cache of a browser): what is kept is read again
    before writing.
    """
    path, _, _ = export_run(audit_dir, "html")
    page, said, _ = open_page(browser, path)
    kept = "JSON.parse(localStorage.getItem(localStorage.key(0)))"
    page.keyboard.press("j")
    page.keyboard.press("r")
    page.evaluate(
        f"localStorage.setItem(localStorage.key(0), JSON.stringify({{...{kept},"
        " id00000005: {verdict: 'unsure', note: 'elsewhere', time_utc: new Date().toISOString()}}))"
    )
    page.keyboard.press("a")
    verdicts = {name: told["verdict"] for name, told in page.evaluate(kept).items()}
    assert verdicts == {"id00000000": "reject", "id00000001": "accept", "id00000005": "unsure"}
    assert page.inner_text("#save") == "Save verdicts (3)" and not said


def test_names_out_of_maps_are_inert(browser, audit_dir):
    """A road that is called like a script or a formula is shown as text; nothing runs, nothing is
    fetched.
    """
    path, _, _ = export_run(audit_dir, "html")
    page, said, _ = open_page(browser, path)
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert "<img src=x onerror=alert(1)>" in page.inner_text("#card-facts")
    assert "<b>surely</b>" in page.inner_text("#card-evidence")
    assert not said and page.locator("img").count() == 0


def test_filters_and_bare_image(browser, audit_dir):
    """Kinds and verdicts choose what is listed; the space bar takes the lines away."""
    path, _, _ = export_run(audit_dir, "html")
    page, _, _ = open_page(browser, path)
    page.uncheck("input[name=missing]")
    assert page.locator("#list li:visible").count() == 3
    page.select_option("select", "judged")
    assert page.locator("#list li:visible").count() == 1
    page.uncheck("input[name=phantom]")
    assert page.is_visible("#nothing")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(" ")
    assert page.get_attribute("#bare", "aria-pressed") == "true"


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (320, "dark")])
def test_axe_finds_nothing_serious(browser, audit_dir, width, scheme):
    """Wide and light, narrow and dark: no serious violation, no sideways scrolling."""
    if not AXE.is_file():
        pytest.skip("axe is not in this checkout")
    path, _, _ = export_run(audit_dir, "html")
    page, _, _ = open_page(
        browser, path, viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    page.keyboard.press("j")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
