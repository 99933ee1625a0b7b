"""The folder of an audit: written, read back, continued and compared.

Doors: `write.write_audit`, `read.read_findings`, `compare.compare_findings`.
"""
