"""From the EHR's launch link to an open page: the routes of OAuth, and the keys that the EHR checks us by."""
