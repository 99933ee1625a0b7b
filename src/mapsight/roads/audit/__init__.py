"""The main job, stage by stage: image and map → where the map is wrong.

Doors: `audit.audit_map`.
"""
