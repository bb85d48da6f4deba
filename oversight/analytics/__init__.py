"""What was advised and what was done with it: counts out of the mart, each rate with what it is a share of."""
