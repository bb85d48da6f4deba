"""Measurements of time and memory. Run by `make bench`; never part of the tests."""
