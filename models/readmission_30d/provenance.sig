format = 1
key = "200d6a7dd74dd842"
signature = "XcAXDL8FEB1mhLxVYjihtUjDeRyVNIEJtxg0UscuuAcYsCeqZ/C0Kf8YKKfV7oKY+ox+fkfTR4s3IpetS7W7BA=="
