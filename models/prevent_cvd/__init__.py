"""AHA PREVENT, the risk of cardiovascular disease: manifest, card and the way from the record to the formula."""
