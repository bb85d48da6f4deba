"""May this token see this? The guarded FHIR API in front of the FHIR server: read, search, and write back.

It may not import the chart or the product.
"""
