"""mapsight: where a road map is wrong, seen from the air."""

__version__ = "0.1.0"
