format = 1
key = "200d6a7dd74dd842"
signature = "arbscIrcsXScnXpll+UkC97cM9W419eW4CzD1ZpmXHgpwk+aNjVNnmVX//zfwOJMNl9k0XekZtY4iNj8hs4DDQ=="
