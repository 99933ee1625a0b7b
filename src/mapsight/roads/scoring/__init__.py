"""Evidence → score: the fitted table, the prior of errors, what verdicts teach.

Doors: `table.score_evidence`, `prior.estimate_offsets`, `rerank.learn_verdicts`.
"""
