"""How was the artefact made? Needs pandas and the training data; not part of the wheel."""
