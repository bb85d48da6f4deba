"""Risk of death from any cause within ten years, for adults of 30 to 79 years outside hospital."""
