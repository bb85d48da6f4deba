"""The kidney failure risk equation: manifest, card and the way from the record to the formula."""
