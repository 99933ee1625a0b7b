"""The zoo: the tasks that a lecture on CNNs names, each a short recipe run by the one training
loop.
"""
