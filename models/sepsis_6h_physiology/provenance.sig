format = 1
key = "200d6a7dd74dd842"
signature = "okGux+a8bvIvtBWVI5TnPfDAu1/3IO1o7hI86NNUBWdrht0J59/nFwHRsQV+XGsmjSaDGbCHLx1f9eMCk4mrBQ=="
