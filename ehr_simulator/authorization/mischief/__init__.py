"""How tests make the server misbehave. One file per family; `table.py` lists every mischief.

There is no way to arm one over HTTP: a test calls `settings.mischief.arm(...)` in the process of the EHR, and an EHR
whose base URL is not on loopback refuses. It may import nothing but signing.
"""
