"""The main job, a room a stage: prediction, training, finding, scoring, verdicts, audit, folder."""
