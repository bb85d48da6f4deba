"""What the model would say to other numbers: on the page, and nowhere else."""
