"""Onset of sepsis within six hours, for adults in intensive care: manifest, artefact and training of one risk model."""
