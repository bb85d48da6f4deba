"""May this token see this? The guarded FHIR API in front of the FHIR server: read and search only.

It may not import the chart or the product.
"""
