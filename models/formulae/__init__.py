"""Published clinical scores and equations as pure arithmetic, each in a file of its own with its source.

A point score has `INPUTS` (name → UCUM unit, "1" for a yes/no flag given as 1.0/0.0) and `work(given) -> Worked`. An
equation is a function of keyword arguments that raises ValueError, in words, for inputs that it does not hold for.
Standard library only; nothing here reads a record, a clock or a file other than its own coefficients.
"""
