"""What does an EHR do with Chartside? A stand-in EHR for the demo and the tests, with synthetic patients only.

It speaks to the product over HTTP alone. It may import nothing of the product (no `clinical`, no room, no
`chartside`), and nothing of the product may import it.
"""
