format = 1
key = "200d6a7dd74dd842"
signature = "byiPL6u5F8X6sMl7/OCg4NrYQShsH+AFEbzJg+VTN3DcSejHkT8FwiGDJ139G1AfgmqQpQVR2yXieYTOu4JJAA=="
