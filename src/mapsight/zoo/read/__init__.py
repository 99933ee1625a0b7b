"""Visual translation (`zoo run read`): a sign is found, read by a CNN, translated by a recurrent
net, drawn over.
"""
