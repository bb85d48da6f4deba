"""A made-up hospital's ninety days with Chartside, whose truth is known: for trying the quality pages, and for tests.

Nothing here runs unless somebody asks for it (`chartside history seed`), and never on a ledger that holds an entry.
The patients, clinicians and comments are invented.
"""
