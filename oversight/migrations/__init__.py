"""The history of the ledger's schema, run by `oversight.schema.upgrade`."""
