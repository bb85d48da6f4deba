"""FIB-4, the likelihood of advanced liver fibrosis: manifest, card and the way from the record to the formula."""
