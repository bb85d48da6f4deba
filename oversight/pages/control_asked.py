"""What a page with a control chart asks for besides the filters: by which rules a point is a signal."""

from __future__ import annotations

from werkzeug.datastructures import MultiDict

from oversight.pages.view import View, repeated
from oversight.statistics.rule_sets import RULE_SETS, USUAL, RuleSet


def rules_asked(args: MultiDict[str, str], _view: View) -> RuleSet | list[str]:
    """The rules of the address, the usual ones where it names none; or the faults."""
    faults = repeated(args, ("rules",))
    wanted = args.get("rules") or USUAL.key
    found = next((each for each in RULE_SETS if each.key == wanted), None)
    if found is None:
        faults.append(f"“rules” must be one of {', '.join(each.key for each in RULE_SETS)}.")
    return faults if found is None or faults else found
