"""How was the artefact made, and how well does it do? Needs pandas and the training data; not part of the wheel."""
