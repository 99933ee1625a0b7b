"""Probability and map → candidates → findings.

Doors: `findings.find_errors`; `place` brings a table of findings to another CRS.
"""
