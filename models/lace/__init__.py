"""LACE, the readmission index: manifest, card and the way from the record to the formula."""
