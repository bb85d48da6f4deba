format = 1
key = "200d6a7dd74dd842"
signature = "8b5hA5PeduZQ3vO+/+2287zNMPTRP4qqbAMI0QYOdpeViSDuwCmfcuWntAhpY2qBrtA/UcMPhqVaVtTuQRwbDQ=="
