format = 1
key = "200d6a7dd74dd842"
signature = "WFc451s/DXKbwzAjixcMcEQyGbkyj38NQsV46+ONrsssmKrPVQoM8z2R5B/F4uJBkgW7sd8qwj+kyK35jZMBBA=="
