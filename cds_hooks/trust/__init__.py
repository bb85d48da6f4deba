"""Who calls? The JWT of CDS Hooks 2.0.1 ("Trusting CDS Clients"), checked against the client registry.

Every refusal is the same `NotAuthenticated`; the caller never learns which rule it broke.
"""

from cds_hooks.trust.caller import ALGORITHMS, KNOWN_ALGORITHMS, Caller, ClaimingKeeper, Presented, UsedIds
from cds_hooks.trust.identify import Trust
from cds_hooks.trust.ticket import Ticket

__all__ = ["ALGORITHMS", "KNOWN_ALGORITHMS", "Caller", "ClaimingKeeper", "Presented", "Ticket", "Trust", "UsedIds"]
