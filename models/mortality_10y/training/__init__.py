"""Where the training data of this model come from, and how they become patient records."""
