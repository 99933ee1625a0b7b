"""A model against known truth: measures, pictures, and the probe with pasted things.

Doors: `evaluate.evaluate_pairs`, `probe.probe_model`.
"""
