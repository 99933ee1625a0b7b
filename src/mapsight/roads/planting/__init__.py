"""Known mistakes put into a map, and an audit marked against them.

Doors: `plant.plant_errors`, `mark.score_findings`.
"""
