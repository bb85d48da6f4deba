format = 1
key = "200d6a7dd74dd842"
signature = "Jrye46ylegtMR3EK4zsJmRGUYxCheoGWnBRraHkBmHBywBSXqQYVdY9fWQX2x9wxWaJI6cQiuTGZyhxAOtZ6Dw=="
