"""The 31 source attributes of a predictive decision support intervention, 45 CFR 170.315(b)(11)(iv)(B).

Count, grouping and every paragraph number were compared with the regulation's text as it stood on 1 October 2026 (eCFR
of 45 CFR 170.315, last amended 1 October 2025, in the stored copy `data/raw/ecfr_45cfr170.315_2026-10-01.xml` of the
public repository TosinClement/gap-m). The rule came with 89 FR 1192 (9 January 2024). Titles are in our own words.
A proposed rule of 29 December 2025 (HTI-5) would delete this duty; the list is kept as good practice.
"""

from __future__ import annotations

from dataclasses import dataclass

RULE = "45 CFR 170.315(b)(11)"
RULE_TEXT_OF = "2026-10-01"
GROUPS = {
    1: "What it is and what it gives out",
    2: "What it is for",
    3: "What it is not for",
    4: "How it was made and what goes in",
    5: "What was done for fairness in its making",
    6: "How it was validated elsewhere",
    7: "How well it does, in numbers",
    8: "How it is watched in use",
    9: "How it is updated",
}
# (iv)(A)(5) to (13): what the attribute "sensitive-inputs" has to speak of, one by one.
SENSITIVE = (
    "race",
    "ethnicity",
    "language",
    "sexual orientation",
    "gender identity",
    "sex",
    "date of birth",
    "social determinants",
    "health status",
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute. `group` and `item` are the last two levels of its paragraph ("1", "ii").

    `may_be_missing` is true where paragraph (v)(A)(2) foresees that there is nothing to review yet; everywhere else an
    answer is asked for. `speaks_of` are words that the answer must hold.
    """

    id: str
    group: int
    item: str
    title: str
    may_be_missing: bool = False
    speaks_of: tuple[str, ...] = ()

    @property
    def paragraph(self) -> str:
        """Where it stands below (b)(11): `(iv)(B)(1)(ii)`."""
        return f"(iv)(B)({self.group})({self.item})"

    @property
    def group_title(self) -> str:
        """What its group is about."""
        return GROUPS[self.group]


ATTRIBUTES = (
    Attribute("developer", 1, "i", "Who made it, and how to reach them"),
    Attribute("funding", 1, "ii", "Who paid for its making"),
    Attribute("output-value", 1, "iii", "What it gives out"),
    Attribute("output-type", 1, "iv", "What kind of output that is"),
    Attribute("intended-use", 2, "i", "Intended use"),
    Attribute("intended-patients", 2, "ii", "Intended patients"),
    Attribute("intended-users", 2, "iii", "Intended users"),
    Attribute("decision-role", 2, "iv", "Intended part in the decision"),
    Attribute("cautioned-uses", 3, "i", "Tasks, situations and people that it must not be used for"),
    Attribute("known-limits", 3, "ii", "Known risks and limits"),
    Attribute("training-criteria", 4, "i", "Who is in the training data, and who was left out"),
    Attribute("sensitive-inputs", 4, "ii", "Which personal and social characteristics go in", speaks_of=SENSITIVE),
    Attribute("training-representativeness", 4, "iii", "Whom the training data represent"),
    Attribute("training-relevance", 4, "iv", "How the training data fit the place of use"),
    Attribute("fairness-approach", 5, "i", "What was done to make the output fair"),
    Attribute("bias-management", 5, "ii", "How bias is managed, reduced or removed"),
    Attribute("external-data", 6, "i", "Where it was tested, other than in its own data", may_be_missing=True),
    Attribute("external-tester", 6, "ii", "Who did the external testing", may_be_missing=True),
    Attribute("external-representativeness", 6, "iii", "Whom the external data represent", may_be_missing=True),
    Attribute("external-process", 6, "iv", "How the external validation was done", may_be_missing=True),
    Attribute("validity-same-source", 7, "i", "Validity in test data of the same source"),
    Attribute("fairness-same-source", 7, "ii", "Fairness in test data of the same source"),
    Attribute("validity-external", 7, "iii", "Validity in other data", may_be_missing=True),
    Attribute("fairness-external", 7, "iv", "Fairness in other data", may_be_missing=True),
    Attribute("outcome-evaluations", 7, "v", "Evaluations of what its use did to outcomes", may_be_missing=True),
    Attribute("validity-monitoring", 8, "i", "How and how often validity is monitored"),
    Attribute("validity-local", 8, "ii", "Validity in local data", may_be_missing=True),
    Attribute("fairness-monitoring", 8, "iii", "How and how often fairness is monitored"),
    Attribute("fairness-local", 8, "iv", "Fairness in local data", may_be_missing=True),
    Attribute("update-process", 9, "i", "How and how often it is updated", may_be_missing=True),
    Attribute("correction-frequency", 9, "ii", "How often it is corrected where risks are found", may_be_missing=True),
)
BY_ID = {attribute.id: attribute for attribute in ATTRIBUTES}
