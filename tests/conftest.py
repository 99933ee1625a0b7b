"""What holds for every test, and the browser that all pages are tested in."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import settings

# how long an example takes says how busy the machine is, and nothing of the code
settings.register_profile("mapsight", deadline=None)
settings.load_profile("mapsight")

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
