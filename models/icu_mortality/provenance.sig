format = 1
key = "200d6a7dd74dd842"
signature = "wt00osXQjPcKAl+41fsw3rJJJzJ8SNzHTnvT0o+IenJmtKSXpz8TDTmvyum4d//JdBiMAm0AZHjyR1WOO50xAg=="
