"""Chips as files, for people who train elsewhere.

Doors: `files.write_chips`, with tables and catalogues of them.
"""
