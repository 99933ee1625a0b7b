"""Looking into a trained net: what its filters are, what they answer to, and which pixels made them
answer.
"""
