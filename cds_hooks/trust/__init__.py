"""Who calls? The JWT of CDS Hooks 2.0.1 ("Trusting CDS Clients"), checked against the client registry.

Every refusal is the same `NotAuthenticated`; the caller never learns which rule it broke.
"""

from cds_hooks.trust.caller import ALGORITHMS, KNOWN_ALGORITHMS, Caller, Presented, UsedIds
from cds_hooks.trust.identify import Trust

__all__ = ["ALGORITHMS", "KNOWN_ALGORITHMS", "Caller", "Presented", "Trust", "UsedIds"]
