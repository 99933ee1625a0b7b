"""What holds for every test, and the browser that all pages are tested in."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# how long an example takes says how busy the machine is, and nothing of the code
settings.register_profile("mapsight", deadline=None)
settings.load_profile("mapsight")

# files of tests that take long, browsers and trainings above all; `make test-fast` leaves them out
_SLOW = {
    "cli/test_bad_input.py",
    "cli/test_commands.py",
    "cli/test_lab_page.py",
    "cli/test_see.py",
    "cnn/test_fit.py",
    "cnn/test_zoo_nets.py",
    "geo/sources/test_http.py",
    "geo/sources/test_overpass.py",
    "geo/sources/test_rendered.py",
    "geo/sources/test_tiles.py",
    "lab/test_chapters.py",
    "roads/export/test_page.py",
    "test_benchmarks.py",
    "test_docs.py",
    "web/lab/test_digit.py",
    "web/lab/test_page.py",
    "web/lab/test_tile.py",
    "web/test_review_api.py",
    "web/test_review_cambridge.py",
    "web/test_review_page.py",
    "web/test_review_slow.py",
    "zoo/test_recipes.py",
    "zoo/test_roads.py",
}

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


def pytest_collection_modifyitems(items):
    """Marks the tests of slow files, so that `-m "not slow"` leaves them out."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.path.relative_to(here).as_posix() in _SLOW:
            item.add_marker("slow")


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, headless, drawing WebGL by software; one a process, since playwright bears
    no second.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    found = next((path for path in map(shutil.which, _BROWSERS) if path), None)
    if found is None:
        pytest.skip("needs Chromium (apt install chromium)")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=_FLAGS)
        yield started
        started.close()
