"""What did we advise, and what came of it?

The ledger of advice and feedback, and the numbers and pages made from it. This room imports `clinical`, SQLAlchemy,
alembic, numpy and scipy; flask only in `oversight.pages`. It never imports FHIR libraries or another room.
"""
