format = 1
key = "200d6a7dd74dd842"
signature = "sw4Gj0ytNjhBLvGQb3jOraqNKWKdfumfPM7sG5ibhSQSoJiZZXdtDiX7ahUYFkrCVKYCQBPC9HMsdPehQUnTCw=="
