"""Features → score, numbers only: the fitted table, the prior of errors, what verdicts teach.

Doors: `table.score_evidence`, `prior.find_offsets`, `rerank.learn_verdicts`.
"""
