"""Probability and map → candidates → findings.

Doors: `findings.find_errors`.
"""
