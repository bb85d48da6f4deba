"""How well does a CDS Hooks service keep to the specification, seen from outside?

`chartside doctor URL` calls any CDS Hooks service over HTTP and prints a report that can be sent to its vendor.
It knows nothing of Chartside's own rooms: its rules are written a second time here, so that the two check each other.
"""
