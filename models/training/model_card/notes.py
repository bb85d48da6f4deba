"""What the forms say beyond the 31 attributes: the texts of the table `[card]` in `attributes.toml`.

Most of them are elements of the CHAI Applied Model Card v0.2 that no attribute covers.
"""

from __future__ import annotations

NOTES = {
    "developer_name": "who made the model, as a name",
    "stage": "the stage of release",
    "released": "when this version was released",
    "availability": "where in the world it may be had",
    "ehr": "which electronic health records it works with",
    "regulatory_status": "what regulators have and have not looked at",
    "rows": "what one row of the figures is, in the plural (stays, patients)",
    "model_type": "what kind of model it is, and how it was fitted",
    "inputs": "what it reads, and from where",
    "data_types": "the types of its input and output",
    "how_to_use": "what a reader should do with an answer",
    "locally_first": "what a hospital has to do before anybody relies on it",
    "risk_level": "what could happen if it is wrong",
    "security": "how artefact and data are kept",
    "transparency": "what people are shown about an answer and about the model",
    "third_parties": "whose data, codes and software it is built on",
    "stakeholders": "who was asked",
    "consent": "what patients are told and asked",
    "publications": "peer-reviewed publications about it",
    "test_type": "what kind of test the figures are from",
    "testing_data": "which data the figures are from",
    "validation_process": "how the figures came about, and why so",
}
KEYWORDS = "keywords"
# BibTeX has braces of its own, so nothing is filled in.
BIBLIOGRAPHY = "bibliography"
