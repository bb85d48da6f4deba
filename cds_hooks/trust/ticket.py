"""`Ticket`: what a caller was let in with. It is used up once, before any answer leaves."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from cds_hooks.trust.caller import ClaimingKeeper, UsedIds
from clinical.errors import NotAuthenticated

LOG = logging.getLogger("chartside.cds_hooks.trust")


@dataclass(frozen=True, slots=True)
class TokenUse:
    """The one use of a token that holds in all else: its id, and until when (seconds since the epoch) it is known."""

    client: str
    token_id: str
    expires: float
    used: UsedIds
    keeper: ClaimingKeeper


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who calls, and the token that the call uses up; None for who may come without one.

    Usually the advice of the call uses it up, in the transaction that stores both (`keeper`). A call that ends in any
    other way has to `use_up` before its answer leaves, so that no token is good for two answers.
    """

    client: str
    token: TokenUse | None = None

    @property
    def keeper(self) -> ClaimingKeeper | None:
        """The ledger for this call, if its advice is to use a token up."""
        return self.token.keeper if self.token else None

    def check_unused(self) -> None:
        """Uses nothing up. Raises `NotAuthenticated` for a used token, and `LedgerUnavailable` where nobody can say."""
        if self.token and self.token.used.was_used(self.token.client, self.token.token_id):
            self._refuse()

    def use_up(self, *, hurried: bool = False) -> None:
        """Use the token up, unless the advice did. `hurried` is for a call that has waited for the store already.

        Raises `NotAuthenticated` where another call was first, and `LedgerUnavailable` where nobody can say.
        """
        token = self.token
        if token is None or token.keeper.has_claimed:
            return
        if not token.used.claim(token.client, token.token_id, token.expires, hurried=hurried):
            self._refuse()

    def _refuse(self) -> None:
        """The caller hears what every refused caller hears."""
        refusal = NotAuthenticated("used before")
        log_refusal(refusal, self.client)
        raise refusal


def log_refusal(refusal: NotAuthenticated, client: str) -> None:
    """Why somebody was refused: our words and the registry's, nothing out of the token."""
    LOG.info("refused", extra={"outcome": refusal.message, "client": client})
