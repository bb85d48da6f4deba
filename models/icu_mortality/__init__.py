"""In-hospital death of adults in intensive care: manifest, card, artefact and training of one risk model."""
