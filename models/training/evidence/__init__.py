"""Evidence about a model, worked out from predictions on rows that it had not been fitted on."""
