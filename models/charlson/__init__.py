"""The Charlson comorbidity index: manifest, card and the way from the record to the formula."""
