"""The risk page: what is shown, and what becomes of each button on it."""
