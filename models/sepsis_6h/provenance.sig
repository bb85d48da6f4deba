format = 1
key = "200d6a7dd74dd842"
signature = "2qXVwq9F/rDG4E0XFZmBdAWsNC5fT3o6NquNcbvFwZ/E7xACSibpUiNlYmOivqAgr00xZFDspTm1iWn63vAAAQ=="
