"""How high is the risk, and why?

One folder per risk, each with its `model.toml`, `card.md` and artefact; `runtime` turns a manifest and a record
into a finding. This room imports `clinical`, numpy, scikit-learn, shap and skops. It imports no web framework, no
FHIR library and no other room.
"""
