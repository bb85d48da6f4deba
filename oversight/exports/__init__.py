"""What leaves the house: tables, FHIR measures, the committee's pack, and all of it in one signed ZIP.

Every figure comes from the functions that the pages draw from; here it is only written down. Counts below eleven, and
what would give them away, are hidden in every file but the one with a line for each card.
"""
