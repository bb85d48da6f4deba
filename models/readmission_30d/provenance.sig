format = 1
key = "200d6a7dd74dd842"
signature = "zpj8oUokkJbDjf2HlUFZp0mJfEiuOUPd+psidDmzQwhQ2n0soVexxiiWMq+swxHdRtTKQujQJ5vS8UHM7xPqDw=="
