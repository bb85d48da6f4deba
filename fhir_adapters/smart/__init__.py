"""A SMART launch from our side: discovery, authorization, tokens and their renewal."""
