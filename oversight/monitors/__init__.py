"""Monitors: each asks one question about a week of a service, and says ok, watch, alarm, or why it cannot say.

`run_service` asks all of them and controls false discoveries over the whole family; `store` keeps what they found.
"""
