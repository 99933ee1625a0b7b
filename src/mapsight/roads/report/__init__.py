"""The report of an audit: one page that explains itself.

Doors: `page.write_report`.
"""
