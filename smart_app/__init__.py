"""What does the clinician see and decide?

The SMART launch routes, the cookie, the risk page and the decision form. May import clinical, flask and joserfc;
not FHIR libraries, not scikit-learn, no other room. What it needs from elsewhere is declared in `ports/`.
"""
