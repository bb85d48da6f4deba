"""The twin of `models.sepsis_6h` that sees measured values and age only: manifest, artefact and training."""
