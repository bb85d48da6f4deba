"""The list of attributes is the rule's list."""

from __future__ import annotations

from collections import Counter

from models.training.model_card.attributes import ATTRIBUTES, BY_ID, GROUPS

ROMAN = ("i", "ii", "iii", "iv", "v")
# (iv)(B)(1) to (9), counted in the regulation's text.
SIZES = {1: 4, 2: 4, 3: 2, 4: 4, 5: 2, 6: 4, 7: 5, 8: 4, 9: 2}
# (v)(A)(2): where the rule foresees that there is nothing to review.
MAY_BE_MISSING = {
    *(f"(iv)(B)(6)({item})" for item in ROMAN[:4]),
    *(f"(iv)(B)(7)({item})" for item in ROMAN[2:]),
    "(iv)(B)(8)(ii)",
    "(iv)(B)(8)(iv)",
    "(iv)(B)(9)(i)",
    "(iv)(B)(9)(ii)",
}


def test_there_are_31_in_nine_groups():
    """As many in each group as the regulation has, numbered from (i) on, each with an id and a title of its own."""
    assert len(ATTRIBUTES) == len(BY_ID) == len({one.title for one in ATTRIBUTES}) == 31
    assert Counter(one.group for one in ATTRIBUTES) == SIZES
    assert set(GROUPS) == set(SIZES)
    for group, size in SIZES.items():
        assert tuple(one.item for one in ATTRIBUTES if one.group == group) == ROMAN[:size]


def test_only_what_the_rule_foresees_may_be_missing():
    """Paragraph (v)(A)(2) names those for which "not available" is an answer."""
    assert {one.paragraph for one in ATTRIBUTES if one.may_be_missing} == MAY_BE_MISSING
