"""The main job, stage by stage: image and map → where the map is wrong.

Doors: `audit.audit_map`; its stages, for whoever audits block by block: `align.align`,
`labels.make_labels`, `folds.predict_folds`, `voice.raise_voice`,
`threshold.settle_threshold`; `settings` has what they are told.
"""
