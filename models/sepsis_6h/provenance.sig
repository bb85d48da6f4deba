format = 1
key = "200d6a7dd74dd842"
signature = "/y+o6hxkZOUNFmIfDXfECUb517mI91duBQRbmEP+BtvbuBTP1GgF6aUbB69/zQlF7rG8NAoJe3FpIpVWzd6pBQ=="
