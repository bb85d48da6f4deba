format = 1
key = "200d6a7dd74dd842"
signature = "fCl/oQk0hAvuLuQs024h7EaED+euK35ECbQMl3bFX+GMx+Ky/bkpZZtssMDrDSX1H9uuQIZWKIWUR0PXEXGZBA=="
