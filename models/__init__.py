"""How high is the risk, and why?

One folder per risk, each with its `model.toml`, artefact and evidence; `runtime` turns a manifest and a record into a
finding, `training` makes artefacts. This room imports `clinical`, numpy and cryptography (signatures); `training` also
pandas, scikit-learn, LightGBM and shap. It imports no web framework, no FHIR library and no other room.
"""
