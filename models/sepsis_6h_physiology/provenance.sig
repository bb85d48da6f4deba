format = 1
key = "200d6a7dd74dd842"
signature = "NgrLx5gemZBrVO8Glrgq4AcomSfC6s00891vE2Zr0pqe1+ml4n6oEln5vSHV6Lvn+nfashveCxkYaW0H7NYxDQ=="
