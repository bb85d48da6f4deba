"""The blocks of Form FDA 3500A for a report about a device, and which rule asks whom for each.

Letters and contents follow 21 CFR 803.32 (user facilities) and 803.52 (manufacturers), which name the elements block
by block; numbers within a block are the rule's paragraphs, not the boxes of a printed edition of the form. Block C
(drugs) and what only importers fill in are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from clinical.incident import ReporterKind

SECTIONS = {
    "A": "Patient information",
    "B": "Adverse event or product problem",
    "D": "Suspect medical device",
    "E": "Initial reporter",
    "F": "For use by user facility",
    "G": "All manufacturers",
    "H": "Device manufacturers only",
}
_PARAGRAPH = {"A": "a", "B": "b", "D": "c", "E": "d", "F": "e", "G": "e", "H": "f"}


@dataclass(frozen=True, slots=True)
class Block:
    """One element. `key` is its section letter and the number of its paragraph ("D4": 803.32(c)(4), 803.52(c)(4))."""

    key: str
    name: str

    @property
    def section(self) -> str:
        """Its section letter."""
        return self.key[0]

    def is_for(self, who: ReporterKind) -> bool:
        """Whether somebody has to fill it in, as far as it is known to them."""
        others = "GH" if who is ReporterKind.USER_FACILITY else "F"
        return self.section not in others

    def rule(self, who: ReporterKind) -> str:
        """The paragraph that asks for it."""
        part = "803.32" if who is ReporterKind.USER_FACILITY else "803.52"
        return f"21 CFR {part}({_PARAGRAPH[self.section]})({self.key[1:]})"


def _blocks(section: str, *names: str) -> tuple[Block, ...]:
    """The elements of a section in the order of the rule."""
    return tuple(Block(f"{section}{number}", name) for number, name in enumerate(names, 1))


BLOCKS = (
    *_blocks("A", "Patient name or other identifier", "Age at the time of event, or date of birth", "Gender", "Weight"),
    *_blocks(
        "B", "Adverse event or product problem", "Outcomes attributed to the adverse event", "Date of event",
        "Date of this report", "Description of event or problem", "Relevant tests and laboratory data",
        "Other relevant history, including preexisting medical conditions",
    ),
    *_blocks(
        "D", "Brand name", "Product code, if known, and common device name", "Manufacturer name, city and state",
        "Model, catalogue, serial, lot or other identifying number; expiration date; unique device identifier (UDI)",
        "Operator of the device", "Date of implantation", "Date of explantation",
        "Single-use device that was reprocessed and reused on a patient", "Name and address of the reprocessor",
        "Available for evaluation; returned to the manufacturer, and when",
        "Concomitant medical products and therapy dates",
    ),
    *_blocks(
        "E", "Name, address and telephone number of the initial reporter", "Whether a health professional",
        "Occupation", "Whether the initial reporter also sent a copy to FDA",
    ),
    *_blocks(
        "F", "That this is a report of a user facility", "User facility number", "Address of the user facility",
        "Contact person", "Telephone number of the contact person", "Date on which the facility became aware",
        "Type of report (initial or follow-up)", "Date of this report", "Approximate age of the device",
        "Event problem codes (patient and device)", "Whether sent to FDA, and when",
        "Location where the event occurred", "Whether sent to the manufacturer, and when",
        "Manufacturer name and address",
    ),
    *_blocks(
        "G", "Contact name and address of the reporting office; manufacturing site", "Telephone number",
        "Report sources", "Date received by the manufacturer", "Premarket number, and whether a combination product",
        "Type of report (5-day, 30-day, initial, follow-up)", "Manufacturer report number",
    ),
    *_blocks(
        "H", "Type of reportable event (death, serious injury, malfunction)", "Type of follow-up report",
        "Whether returned and evaluated; summary of the evaluation, or why there was none", "Date of manufacture",
        "Whether labeled for single use", "Evaluation codes (event, method, result, conclusion)",
        "Type of remedial action", "Initial use, reuse or unknown",
        "Whether the remedial action was reported as removal or correction, with its number",
        "What was missing or is corrected in the report of the user facility; whether the labeling addresses each of "
        "its event codes; why anything required is missing here",
    ),
)  # fmt: skip
KEYS = frozenset(block.key for block in BLOCKS)


def blocks_for(who: ReporterKind) -> tuple[Block, ...]:
    """The elements that somebody has to fill in, in order."""
    return tuple(block for block in BLOCKS if block.is_for(who))
