"""Writing a risk back into the EHR, and reading back what then stands there."""
