"""The ways out of an audit: a table of formats, a file each, and verdicts that come back.

Doors: `formats.export_run`, `read_back.import_verdicts`.
"""
