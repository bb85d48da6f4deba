"""The maths of monitoring: pure functions over arrays, each with its source.

Where a figure cannot be had, they refuse (`Refused`) and say why.
"""
