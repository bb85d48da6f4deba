format = 1
key = "200d6a7dd74dd842"
signature = "vFewmsn7CtFIBTMWrVcroPhLFagDQyj362/DhmIByw+GHoB9GofsC+ASfcA608gZtT2LbRqVBakb/XBKphJECw=="
