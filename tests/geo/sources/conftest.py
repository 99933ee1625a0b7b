"""Real OpenStreetMap extracts beside the checkout, where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

OSM = Path(__file__).parents[4] / "shared" / "data" / "georef" / "osm"


@pytest.fixture
def osm_extract():
    """The path of a real extract by its name."""

    def find(name: str) -> Path:
        if not (OSM / name).is_file():
            pytest.skip(
                f"no real extract {name}: ../shared/data/georef/osm is not beside this checkout"
            )
        return OSM / name

    return find
