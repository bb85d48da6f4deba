"""Does the whole thing work together? Starts the hospital and Chartside, and walks the road of one clinician.

It may not import the product: it starts the command line and calls HTTP.
"""
