"""Readmission within 30 days of adults with diabetes: manifest, columns, artefact and training of one risk model."""
