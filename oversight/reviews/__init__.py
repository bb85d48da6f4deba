"""Reviews: was it right to override? People judge a drawn sample, blinded, and their verdicts become estimates.

A plan says what is drawn (`plan`), the draw keeps each card's probability (`population`, `drawing`), reviewers see a
case without anybody's name (`cases`), `store` keeps the verdicts, `results` weighs them, `labels` hands them on.
"""
