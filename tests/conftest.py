"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# how long an example takes says how busy the machine is, and nothing of the code
settings.register_profile("mapsight", deadline=None)
settings.load_profile("mapsight")
