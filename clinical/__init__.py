"""What do we talk about, and what is the main job?

The words (frozen dataclasses, named after FHIR, CDS Hooks and SHAP), the ports, the error tree
and `advise()`. This room imports the standard library and nothing else.
"""
