format = 1
key = "200d6a7dd74dd842"
signature = "OKsYHjWuAcOiU7zpXPtZfPitGcUFt0k4mbLBnevzlPLkcPVMqvi98wQGMNZ7dM8Wi47uX0p9uJY50LlFsc0MBg=="
