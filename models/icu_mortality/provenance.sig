format = 1
key = "200d6a7dd74dd842"
signature = "CnnB0kzpr+rsr1klT1KNpyLpwH88d/BFNOosmia3fQ/ylLYnGMd1WVHymMG9R1zDmfNcgxZpOg9TzPbyHVnuAA=="
