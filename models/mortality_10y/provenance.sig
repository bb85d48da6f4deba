format = 1
key = "200d6a7dd74dd842"
signature = "JDcTrq3cPAc15/GMWFzGc0h2S3bYi2QqRzQAfdBvLww+Fc1XvJYVM9BLHhMO8qYxS4Ti3O6gg3b/h75hbMC6Cw=="
