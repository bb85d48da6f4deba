"""How does the EHR's data become a record?

Prefetch, FHIR search, HL7 v2 messages and SMART launches come in; `clinical.record.PatientRecord` goes out.
May import clinical, fhir.resources (R4B only), fhirclient, hl7apy, requests and joserfc;
not flask, not scikit-learn, no other room.
"""
