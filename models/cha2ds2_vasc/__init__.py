"""CHA2DS2-VASc, the stroke risk in atrial fibrillation: manifest, card and the way from the record to the formula."""
