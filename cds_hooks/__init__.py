"""What does the EHR ask, and what do we answer?

The CDS Hooks 2.0.1 service: discovery, service calls, cards, feedback, and who may call.
May import clinical, flask and joserfc; not FHIR libraries, not scikit-learn, no other room.
"""
