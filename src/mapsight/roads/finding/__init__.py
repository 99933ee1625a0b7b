"""Probability and map → candidates → findings.

Doors: `findings.find_errors`, which is `findings.find_candidates`, then
`findings.settle_findings`; `place` brings a table of findings to another CRS.
"""
