"""What people said of findings: kept in findings.gpkg, and as teachers of the next audit.

Doors: `store.VerdictStore`, `judged.gather_judged`, `judged.read_lessons`.
"""
