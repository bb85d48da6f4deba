"""MELD 3.0, for end-stage liver disease: manifest, card and the way from the record to the formula."""
