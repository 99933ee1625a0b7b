"""Imagery → probability → mask → lines.

Doors: `predict.predict_raster` (a net over windows), `threshold.choose_threshold`,
`extract.extract_lines`.
"""
