"""`Advice` → CDS Hooks card (2.0.1, "CDS Service Response"): what and how high, why, what is missing, one action."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, tzinfo

from cds_hooks import risk_card, score_card
from cds_hooks.card_parts import REPORT, SUMMARY_LIMIT, choices, gaps, joined, signature
from cds_hooks.words import cut, escape
from clinical import wording
from clinical.advice import Advice
from clinical.app_context import AppContexts
from clinical.assessment import Abstention, Finding, Indicator, RiskAssessment, Score

EXTENSION = "org.chartside.outcome"


@dataclass(frozen=True, slots=True)
class CardWriter:
    """Writes cards for one deployment.

    `base_url` is where it is reached, `contexts` writes the links' tokens, `zone` is the hospital's time zone.
    `launching` are the ids of the clients that may launch the page: cards of others have no links, which would lead to
    a refusal. None stands for all.
    """

    base_url: str
    contexts: AppContexts
    zone: tzinfo = UTC
    launching: Container[str] | None = None

    def response(self, advice: Advice) -> dict[str, object]:
        """The whole answer to a service call. The extension says what was found, also where no card is shown."""
        cards = [self.card(advice)] if advice.shown else []
        return {"cards": cards, "extension": {EXTENSION: outcome(advice)}}

    def card(self, advice: Advice) -> dict[str, object]:
        """One card."""
        finding = advice.finding
        return {
            "uuid": advice.id,
            **_body(advice, self.zone),
            "source": {
                "label": f"Chartside {finding.model.title} {finding.model.version}",
                "topic": {
                    "system": f"{self.base_url}/models",
                    "code": finding.model.id,
                    "display": finding.model.title,
                },
            },
            **self._links(advice),
        }

    def _links(self, advice: Advice) -> dict[str, object]:
        """The ways into the page: to the reasons, and to the form that reports a problem with the advice."""
        if self.launching is not None and advice.client not in self.launching:
            return {}
        return {"links": [self._link(advice, _link_label(advice.finding)), self._link(advice, REPORT, reports=True)]}

    def _link(self, advice: Advice, label: str, *, reports: bool = False) -> dict[str, object]:
        """A SMART link. Its appContext names the card and the link, signed, and nothing about the patient."""
        context = self.contexts.write(advice.id, advice.client, reports=reports)
        return {"label": label, "url": f"{self.base_url}/smart/launch", "type": "smart", "appContext": context}


def outcome(advice: Advice) -> dict[str, object]:
    """What was found, for machines: full precision, and the reason where nothing is shown."""
    finding = advice.finding
    found: dict[str, object] = {
        "advice": advice.id,
        "model": finding.model.id,
        "version": finding.model.version,
        "asOf": finding.as_of.isoformat(),
        "shown": advice.shown,
        **_numbers(finding),
    }
    if advice.withheld is not None:
        found["withheld"] = advice.withheld.value
    return found


def _numbers(finding: Finding) -> dict[str, object]:
    """The kind of answer and its numbers. What a risk does not have is left out."""
    if isinstance(finding, Abstention):
        return {"status": "not-assessed", "reason": finding.reason.value, "text": finding.text}
    found: dict[str, object] = {"status": "assessed", "tier": finding.tier.name}
    if isinstance(finding, Score):
        found |= {"value": finding.value, "highest": finding.highest}
        return found | ({"unit": finding.unit} if finding.unit else {})
    found |= {"probability": finding.probability, "baseRate": finding.model.base_rate}
    found |= {"interval": list(finding.interval)} if finding.interval else {}
    return found | ({"weak": finding.weak} if finding.weak else {})


def _body(advice: Advice, zone: tzinfo) -> dict[str, object]:
    """What people read of a card, and what they may choose."""
    finding = advice.finding
    if isinstance(finding, Abstention):
        return _abstention(finding, zone)
    if isinstance(finding, RiskAssessment):
        text = {"summary": risk_card.summary(finding), "detail": risk_card.detail(finding, zone)}
        indicator = finding.indicator
    else:
        text = {"summary": score_card.summary(finding), "detail": score_card.detail(finding, zone)}
        indicator = finding.tier.indicator
    return {**text, "indicator": indicator.value, **choices(advice, finding, indicator)}


def _abstention(found: Abstention, zone: tzinfo) -> dict[str, object]:
    """No number, and why."""
    lines = [
        f"**Not assessed:** {escape(found.text)}",
        f"As of {wording.moment(found.as_of, zone)}. This is not a low risk; it is no answer.",
        gaps(found),
        signature(found),
    ]
    return {
        "summary": cut(f"{found.model.title} not assessed: {found.text}", SUMMARY_LIMIT),
        "indicator": Indicator.INFO.value,
        "detail": joined(lines),
    }


def _link_label(finding: Finding) -> str:
    """What the page has more."""
    if isinstance(finding, Abstention):
        return "See what is missing"
    return "See the reasons and decide" if isinstance(finding, RiskAssessment) else "See the items and decide"
