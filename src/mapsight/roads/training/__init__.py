"""Images with their maps → a model.

Doors: `train.train_model`; `scenes` and `chips` cut what it sees, `clean` mends its labels.
"""
