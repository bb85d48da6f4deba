"""SIRS, the systemic inflammatory response syndrome: manifest, card and the way from the record to the formula."""
