"""Whether a finding is shown. Every reason for silence is one of `WithheldReason` and stands in the ledger.

The rules against alert fatigue (repeats, snooze, budgets) concern risk cards below the critical tier only. A critical
card always goes out; so does "not assessed", because its absence would read as "no risk".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from clinical.advice import History, ShownBefore, WithheldReason
from clinical.assessment import Abstention, Finding, Indicator, RiskAssessment, Score

LAYPEOPLE = ("Patient", "RelatedPerson")
_NEVER = timedelta(0)
_LOUDNESS = (Indicator.INFO, Indicator.WARNING, Indicator.CRITICAL)


@dataclass(frozen=True, slots=True)
class Policy:
    """A client's wishes for one call.

    `show_from` is the lowest level (probability, or points of a score) that is shown; None means from the lowest tier
    whose indicator is above "info". With `shadow`, everything is assessed and stored and nothing is shown.
    `hidden_from` are the resource types of users who see no card: the advice is written for clinicians.

    A card is a repeat if this clinician was shown one of this service about this patient within `repeat_within`, at the
    same tier or a higher one and no less loudly. `snooze` says, by code of the override reason, for how long an
    overridden card stays away, unless the tier rises. `own_snooze` is the longest time for which a clinician may put a
    card off themselves; zero where that does not count. The budgets are numbers of cards that one clinician may be
    shown in 24 hours, and one encounter in all; None is no limit. `silent_beside` are the models that may not stand
    beside another one's answer, because they are switched off or run silently.
    """

    show_from: float | None = None
    shadow: bool = False
    switched_off: bool = False
    hidden_from: tuple[str, ...] = LAYPEOPLE
    repeat_within: timedelta = _NEVER
    snooze: Mapping[str, timedelta] = field(default_factory=dict)
    own_snooze: timedelta = _NEVER
    per_clinician_day: int | None = None
    per_encounter: int | None = None
    silent_beside: frozenset[str] = frozenset()

    @property
    def look_back(self) -> timedelta:
        """How far back the history must reach."""
        return max(self.repeat_within, *self.snooze.values(), self.own_snooze)

    def silence(self, user: str) -> WithheldReason | None:
        """Why this user may see nothing at all of a finding, whatever it says; None where they may.

        A low risk of a shadow run is withheld as low, because that comes first; it is to stay unseen all the same.
        """
        if self.switched_off:
            return WithheldReason.SWITCHED_OFF
        if self._is_hidden_from(user):
            return WithheldReason.NOT_FOR_ROLE
        return WithheldReason.SHADOW if self.shadow else None

    def decide(
        self, finding: Finding, *, user: str, now: datetime, history: Callable[[], History]
    ) -> WithheldReason | None:
        """None to show, else the first reason to withhold. `history` is asked only where a rule needs it."""
        return next(self._reasons(finding, user, now, history), None)

    def _reasons(
        self, finding: Finding, user: str, now: datetime, history: Callable[[], History]
    ) -> Iterator[WithheldReason]:
        """Reasons in the order in which they are given; shadow comes last, so that it marks what would be shown."""
        if self.switched_off:
            yield WithheldReason.SWITCHED_OFF
        if isinstance(finding, Abstention) and not finding.in_population:
            yield WithheldReason.OUTSIDE_POPULATION
        if self._is_hidden_from(user):
            yield WithheldReason.NOT_FOR_ROLE
        if not isinstance(finding, Abstention):
            if self._is_low(finding):
                yield WithheldReason.BELOW_THRESHOLD
            if self._has_history_rules and finding.tier.indicator is not Indicator.CRITICAL:
                yield from self._fatigue(finding, is_person(user), now, history())
        if self.shadow:
            yield WithheldReason.SHADOW

    def _is_hidden_from(self, user: str) -> bool:
        """Whether somebody of this kind sees no card."""
        return bool(set(user.split("/")[-2:-1]) & set(self.hidden_from))

    def _is_low(self, finding: RiskAssessment | Score) -> bool:
        """Whether a risk is too low for a card. A score that may be high, for all that is known of it, is not."""
        if isinstance(finding, Score):
            worst, level = finding.worst or finding.tier, finding.highest_level
        else:
            worst, level = finding.tier, finding.level
        return worst.indicator is Indicator.INFO if self.show_from is None else level < self.show_from

    @property
    def asks_for_snoozes_only(self) -> bool:
        """Whether of what was shown before only cards count that a clinician put off themselves."""
        return max(self.repeat_within, *self.snooze.values(), _NEVER) <= _NEVER and not self._has_budgets

    @property
    def _has_budgets(self) -> bool:
        """Whether numbers of cards are limited."""
        return self.per_clinician_day is not None or self.per_encounter is not None

    @property
    def _has_history_rules(self) -> bool:
        """Whether anything depends on what was shown before."""
        return self.look_back > _NEVER or self._has_budgets

    def _fatigue(
        self, finding: RiskAssessment | Score, of_person: bool, now: datetime, before: History
    ) -> Iterator[WithheldReason]:
        """The rules against alert fatigue (Ancker 2017, PMC5387195: repeats and numbers lower acceptance).

        A call that names no clinician has only the rule of its encounter: nobody is known to have seen anything.
        """
        if of_person:
            yield from self._seen_before(finding, now, before)
        if self.per_encounter is not None and before.in_encounter >= self.per_encounter:
            yield WithheldReason.ENCOUNTER_BUDGET
        if of_person and self.per_clinician_day is not None and before.to_clinician >= self.per_clinician_day:
            yield WithheldReason.CLINICIAN_BUDGET

    def _seen_before(self, finding: RiskAssessment | Score, now: datetime, before: History) -> Iterator[WithheldReason]:
        """Whether this clinician was shown as much not long ago, or put it off."""
        alike = [card for card in before.shown if _says_as_much(card, finding)]
        if any(now - card.time < self.repeat_within for card in alike):
            yield WithheldReason.REPEAT
        answered = ((card.overridden_at, self.snooze.get(card.reason, _NEVER)) for card in alike)
        put_off = self.own_snooze > _NEVER and any(card.snoozed_until and now < card.snoozed_until for card in alike)
        if put_off or any(at is not None and now - at < span for at, span in answered):
            yield WithheldReason.SNOOZED


def _says_as_much(card: ShownBefore, finding: RiskAssessment | Score) -> bool:
    """Whether a card was of this tier or a higher one and told no less loudly: a weak one stands for no firm one."""
    quieter = card.indicator is not None and _LOUDNESS.index(card.indicator) < _LOUDNESS.index(finding.indicator)
    return card.tier_at_least >= finding.tier.at_least and not quieter


def is_person(user: str) -> bool:
    """Whether a reference names one clinician, and not a feed, an organisation or nobody."""
    return user.split("/")[-2:-1] in (["Practitioner"], ["PractitionerRole"])


def without(finding: Finding, silent: Collection[str]) -> Finding:
    """A finding without what some models say beside it."""
    if not silent or not isinstance(finding, RiskAssessment):
        return finding
    return replace(
        finding,
        comparators=tuple(one for one in finding.comparators if one.model.id not in silent),
        unanswered=tuple(one for one in finding.unanswered if one.model.id not in silent),
        others=tuple(one for one in finding.others if one.model not in silent),
    )


def said_beside(finding: Finding) -> tuple[str, ...]:
    """The ids of the models that say something beside a finding."""
    if not isinstance(finding, RiskAssessment):
        return ()
    scores = [one.model.id for one in finding.comparators]
    silent = [one.model.id for one in finding.unanswered]
    return tuple(dict.fromkeys([*scores, *silent, *(one.model for one in finding.others if one.model)]))
