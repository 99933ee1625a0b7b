"""Every mechanism of a CNN, written out in numpy so that it can be read, and checked against torch
in the tests.
"""
