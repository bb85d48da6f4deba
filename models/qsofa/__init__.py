"""qSOFA, the quick SOFA: manifest, card and the way from the record to the formula."""
