"""HL7 v2 messages as a record."""
