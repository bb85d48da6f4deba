"""The estimated GFR of CKD-EPI 2021: manifest, card and the way from the record to the formula."""
