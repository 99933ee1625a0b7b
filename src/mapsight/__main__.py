"""`python -m mapsight`."""

from mapsight.cli.app import main

main()
