"""What does the clinician see? The chart of one patient, the cards of a CDS service, and an app in a frame.

It may not import the product; it calls the product's HTTP surface as any CDS client does.
"""
