"""What manifests of every kind have in common: who speaks, the outcome, the tiers, and rules that hold for all."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from clinical.assessment import Guideline, Indicator, ModelInfo, Tier
from clinical.need import DataNeed, Importance
from clinical.record import LOINC, Coding
from models.runtime.loinc import check_digit_holds
from models.runtime.manifest_monitoring import read_monitoring
from models.runtime.toml_table import TomlTable

# FHIR R4 encounter statuses of a stay that may be under way.
OPEN_STATUSES = ("arrived", "triaged", "in-progress", "onleave", "unknown")
PATIENT = DataNeed("patient", "Patient")
ENCOUNTER = DataNeed("encounter", "Encounter", count=20, statuses=OPEN_STATUSES)

# Nothing that is missing may go without a word: "not found" would be taken for "not there".
_IMPORTANCE = (Importance.REQUIRED.value, Importance.OPTIONAL.value)
# Nobody writes a longer one by hand.
_LARGEST = 1_000_000
_ID = re.compile(r"[a-z][a-z0-9-]*")
# An absolute address: a host name with a dot, then printable ASCII without what ends an attribute of HTML.
_HTTPS = re.compile(r"https://(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/[!#-&(-;=?-~]*)?", re.ASCII)
_LONGEST_URL = 300
_LONGEST_TITLE = 160
# The rule of the record: read for audit only, never a feature.
_AUDIT_ONLY = re.compile(r"\brace|ethnic", re.IGNORECASE)


def parse(path: Path, faults: list[str]) -> Mapping[str, object]:
    """A TOML file, or nothing and a fault."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            faults.append(f"{path.name} is larger than {_LARGEST:,} bytes")
            return {}
        return tomllib.loads(content.decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        faults.append(f"{path.name} cannot be read ({type(error).__name__}: {error})")
        return {}


def read_info(doc: TomlTable, *, digest: str, base_rate: float, validation: str = "") -> ModelInfo:
    """Who is speaking. The thresholds of monitoring are checked here too, whoever asks for them later."""
    read_monitoring(doc)
    return ModelInfo(
        id=doc.text("id"),
        version=doc.text("version"),
        digest=digest,
        title=doc.text("title"),
        description=doc.text("description"),
        outcome=doc.table("outcome").text("text"),
        horizon=doc.text("horizon"),
        base_rate=base_rate,
        hooks=doc.texts("hooks"),
        action=doc.text("action"),
        intended_use=doc.text("intended_use"),
        validation=validation,
        guidelines=tuple(read_guideline(row) for row in doc.rows("guidelines")) if doc.has("guidelines") else (),
    )


def read_guideline(table: TomlTable) -> Guideline:
    """One guideline about the action. Clinicians open the link, so it is checked here and nowhere else."""
    guideline = Guideline(table.text("title"), table.text("url"))
    if len(guideline.title) > _LONGEST_TITLE or not guideline.title.isprintable():
        table.fault(f"title must be one line of at most {_LONGEST_TITLE} characters")
    if not _is_https(guideline.url):
        table.fault("url must be an https address with a host, without user, port or spaces")
    table.close()
    return guideline


def _is_https(url: str) -> bool:
    """Whether an address is one that a page may link to."""
    return _HTTPS.fullmatch(url) is not None and len(url) <= _LONGEST_URL


def read_outcome(table: TomlTable) -> Coding:
    """What the risk is a risk of."""
    coding = Coding(table.text("system"), table.text("code"), table.text("text"))
    table.close()
    return coding


def read_tier(table: TomlTable) -> Tier:
    """One band."""
    indicator = table.choice("indicator", [one.value for one in Indicator])
    tier = Tier(table.text("name"), table.number("at_least"), Indicator(indicator), table.text("source"))
    table.close()
    return tier


def read_importance(table: TomlTable) -> Importance:
    """Whether there is no answer without a need, or one that says what is not known."""
    return Importance(table.choice("importance", _IMPORTANCE, default=Importance.REQUIRED.value))


def stays_need(importance: Importance, *, leaving: bool) -> DataNeed:
    """The stays under way; where the patient may just have left, also those that are finished."""
    statuses = (*ENCOUNTER.statuses, "finished") if leaving else ENCOUNTER.statuses
    return replace(ENCOUNTER, importance=importance, statuses=statuses)


def loinc(codes: Iterable[str]) -> tuple[Coding, ...]:
    """Codes of LOINC."""
    return tuple(Coding(LOINC, code) for code in codes)


def id_faults(info: ModelInfo) -> Iterator[str]:
    """The id is a part of a URL."""
    if not _ID.fullmatch(info.id):
        yield f"id {info.id!r} must be lower-case letters, digits and dashes"


def code_faults(needs: Iterable[DataNeed]) -> Iterator[str]:
    """A mistyped LOINC code would silently match nothing."""
    for need in needs:
        for coding in need.codes:
            if coding.system == LOINC and not check_digit_holds(coding.code):
                yield f"needs.{need.key}: LOINC {coding.code!r} fails its check digit"


def audit_faults(place: str, text: str) -> Iterator[str]:
    """Race and ethnicity are read for audit only."""
    if _AUDIT_ONLY.search(text):
        yield f"{place}: race and ethnicity are never features"
