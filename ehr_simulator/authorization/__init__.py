"""Who may read and write what? A strict SMART App Launch 2.2 authorization server for one simulated clinician.

It may not import the chart, the proxy or the product.
"""
