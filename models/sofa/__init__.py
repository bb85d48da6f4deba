"""SOFA, the sequential organ failure assessment: manifest, card and the way from the record to the formula."""
