"""The ledger in columns, for questions about many entries at once.

The ledger answers for each entry and is never changed; the mart is a copy of what analyses ask about, in files of
columns (Parquet) that are added to and can be thrown away: it is made again from the ledger.
"""
