"""NEWS2, the National Early Warning Score: manifest, card and the way from the record to the formula."""
