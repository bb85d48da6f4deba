"""The single use of a token and the advice of the call that came with it, in one transaction: both or neither.

A transaction of its own for each would wait for the disk twice.
"""

from __future__ import annotations

from datetime import datetime

from clinical.advice import Advice, History
from clinical.errors import NotAuthenticated
from oversight.database import Transaction
from oversight.ledger import SqlLedger
from oversight.used_tokens import SqlUsedTokens


class ClaimingLedger:
    """A ledger for one call. Fills the port `clinical.ports.AdviceKeeper`; one thread uses it."""

    def __init__(self, ledger: SqlLedger, tokens: SqlUsedTokens, client: str, token_id: str, expires: float) -> None:
        """For the token that the call came with; both stores are of one database. Nothing is claimed yet."""
        self._ledger = ledger
        self._tokens = tokens
        self._token = (client, token_id, expires)
        self._has_claimed = False

    @property
    def has_claimed(self) -> bool:
        """Whether an advice was stored, or found again, and the token with it. After a fault nobody may know."""
        return self._has_claimed

    def append(self, advice: Advice) -> Advice:
        """What `SqlLedger.append` does, with the claim of the token.

        Raises `NotAuthenticated`, and nothing is stored, where the token was claimed before.
        """
        self._tokens.purge()
        stored = self._ledger.append(advice, first=self._claim)
        self._has_claimed = True
        return stored

    def history(self, advice: Advice, since: datetime) -> History:
        """What was shown before."""
        return self._ledger.history(advice, since)

    def put_off(self, advice: Advice, since: datetime) -> bool:
        """Whether this clinician has put any card off since."""
        return self._ledger.put_off(advice, since)

    def _claim(self, transaction: Transaction) -> None:
        """Claim it in the transaction of the advice."""
        if not self._tokens.claim_within(transaction, *self._token):
            raise NotAuthenticated("used before")


class SingleUse:
    """Single use of tokens, with the advice of a call or by itself. One object serves all threads."""

    def __init__(self, ledger: SqlLedger, tokens: SqlUsedTokens) -> None:
        """Both of one database."""
        self._ledger = ledger
        self._tokens = tokens

    def claim(self, client: str, token_id: str, expires: float, *, hurried: bool = False) -> bool:
        """See `SqlUsedTokens.claim`."""
        return self._tokens.claim(client, token_id, expires, hurried=hurried)

    def was_used(self, client: str, token_id: str) -> bool:
        """See `SqlUsedTokens.was_used`."""
        return self._tokens.was_used(client, token_id)

    def keeper(self, client: str, token_id: str, expires: float) -> ClaimingLedger:
        """A ledger for the call that came with this token."""
        return ClaimingLedger(self._ledger, self._tokens, client, token_id, expires)
