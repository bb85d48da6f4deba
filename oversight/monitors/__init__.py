"""Monitors: each asks one question about a week of a service: ok, watch, alarm, why it cannot say, or that it broke.

`run_service` asks all of them and controls false discoveries over the whole family; `store` keeps what they found.
"""
