"""What the clinician decides."""

import html
import re
from datetime import timedelta

import pytest

from clinical.advice import OVERRIDE_REASONS, Channel, Outcome, Receipt
from clinical.errors import LedgerUnavailable
from clinical.snooze import SNOOZES


@pytest.fixture
def page(house, doctor, browser):
    """An open page: its address and the hidden fields of its first form."""
    url, text = doctor.see(browser)
    fields = {name: re.search(rf'name="{name}" value="([^"]+)"', text)[1] for name in ("csrf_token", "advice", "once")}
    return f"{url}/decision", fields


def test_an_acceptance_is_stored_before_it_is_shown(house, doctor, browser, page, make) -> None:
    """303 back to the page, which says saved; the ledger has outcome, channel, user and the suggestion."""
    url, fields = page
    answer = doctor.post(browser, url, {**fields, "outcome": "accepted"})
    assert answer.status_code == 303
    assert answer.location.endswith(f"#saved-{fields['advice']}")
    (feedback,) = house.ledger.feedback
    advice = house.ledger.advice[fields["advice"]]
    assert (feedback.outcome, feedback.channel, feedback.user) == (Outcome.ACCEPTED, Channel.PAGE, "Practitioner/7")
    assert (feedback.accepted_suggestions, feedback.time) == ((advice.suggestion_id,), make.now)
    assert (feedback.client, feedback.service) == ("general", "icu-mortality")
    text = browser.get(answer.location, base_url=make.base_url).text
    assert "Saved: accepted" in text
    assert "Change this decision" in text


def test_an_override_carries_its_reason(house, doctor, browser, page, make) -> None:
    """Coded reason and comment, shown as saved and escaped."""
    url, fields = page
    form = {**fields, "outcome": "overridden", "reason": OVERRIDE_REASONS[2].code, "comment": " <b>seen</b>\r\nby us "}
    assert doctor.post(browser, url, form).status_code == 303
    (feedback,) = house.ledger.feedback
    assert (feedback.reason, feedback.comment) == (OVERRIDE_REASONS[2], "<b>seen</b>\nby us")
    assert feedback.accepted_suggestions == ()
    text = browser.get(url.removesuffix("/decision"), base_url=make.base_url).text
    assert "Saved: overridden" in text
    assert "I judge the risk differently" in text
    assert "<b>seen" not in text


def test_the_same_form_twice_counts_once(house, doctor, browser, page) -> None:
    """A double click, also seconds apart, is one decision; another answer is another."""
    url, fields = page
    for _ in range(3):
        house.clock.pass_(timedelta(seconds=2))
        assert doctor.post(browser, url, {**fields, "outcome": "accepted"}).status_code == 303
    assert len(house.ledger.feedback) == 1
    changed = {**fields, "outcome": "overridden", "reason": OVERRIDE_REASONS[0].code}
    assert doctor.post(browser, url, changed).status_code == 303
    assert len(house.ledger.feedback) == 2


@pytest.mark.parametrize("token", [None, "", "0" * 64, "ü"])
def test_a_form_without_its_token_is_refused(house, doctor, browser, page, token) -> None:
    """CSRF: nothing is stored."""
    url, fields = page
    form = {**fields, "outcome": "accepted", "csrf_token": token}
    assert doctor.post(browser, url, {k: v for k, v in form.items() if v is not None}).status_code == 403
    assert house.ledger.feedback == []


def test_a_token_of_another_page_is_refused(house, doctor, browser, page) -> None:
    """Tokens do not work across launches, not even in one browser."""
    url, fields = page
    _, text = doctor.see(browser)
    foreign = re.search(r'csrf_token" value="(\w+)"', text)[1]
    assert doctor.post(browser, url, {**fields, "csrf_token": foreign, "outcome": "accepted"}).status_code == 403
    assert house.ledger.feedback == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outcome": "overridden"}, "needs a reason"),
        ({"outcome": "overridden", "reason": "made-up"}, "needs a reason"),
        ({"outcome": "deleted"}, "Choose Accept, Override or Snooze"),
        ({}, "Choose Accept, Override or Snooze"),
        ({"outcome": "accepted", "once": "x"}, "Choose Accept, Override or Snooze"),
        (
            {"outcome": "accepted", "comment": "x" * 501},
            "At most 500 characters are kept of the comment; you sent 501.",
        ),
        ({"outcome": "accepted", "comment": "a\x00b"}, "that nobody sees and that change what is read (U+0000)"),
    ],
)
def test_an_incomplete_form_says_what_is_wrong(house, doctor, browser, page, changes, words) -> None:
    """400 with the page and the words; nothing is stored and what was typed is kept."""
    url, fields = page
    answer = doctor.post(browser, url, {"comment": "typed text", **fields, **changes})
    assert answer.status_code == 400
    assert words in answer.text
    assert "Saved" not in answer.text
    assert ("typed text" in answer.text) == ("comment" not in changes)
    assert house.ledger.feedback == []


def given(text: str, name: str = "comment") -> list[str]:
    """What stands in the fields of a page for words, other than nothing."""
    fields = re.findall(rf'<textarea name="{name}"[^>]*>(.*?)</textarea>', text, re.DOTALL)
    return [html.unescape(each) for each in fields if each]


@pytest.mark.parametrize("outcome", ["accepted", "overridden", "snoozed"])
@pytest.mark.parametrize("mark", ["\u202e", "\u200f", "\u2066", "\x1b", "\x07"])
def test_marks_that_change_what_is_read_are_refused(house, doctor, browser, page, outcome, mark) -> None:
    """Named, with the comment given back without them; sent again as it stands there, it is stored."""
    url, fields = page
    form = {**fields, "outcome": outcome, "reason": OVERRIDE_REASONS[0].code, "span": SNOOZES[0].code}
    answer = doctor.post(browser, url, {**form, "comment": f"not {mark}given\r\nשלום 😀"})
    assert answer.status_code == 400
    said = (
        f"In the comment there are characters that nobody sees and that change what is read (U+{ord(mark):04X}). Write "
        "without them, or paste as plain text. Nothing was saved. Below, your words stand as plain text: read them "
        "again before you send them."
    )
    assert said in answer.text
    assert mark not in answer.text
    (again,) = given(answer.text)
    assert again == "not given\nשלום 😀"
    assert house.ledger.feedback == []
    assert doctor.post(browser, url, {**form, "comment": again}).status_code == 303
    assert [each.comment for each in house.ledger.feedback] == [again]


def test_a_comment_that_is_too_long_comes_back_whole(doctor, browser, page) -> None:
    """Nothing of it is lost, and nothing is said of plain text where it is what was sent."""
    url, fields = page
    words = "word " * 200 + "end"
    answer = doctor.post(browser, url, {**fields, "outcome": "accepted", "comment": words})
    assert "At most 500 characters are kept of the comment; you sent 1,003. Nothing was saved.</p>" in answer.text
    assert given(answer.text) == [words]


def test_what_only_came_along_is_left_out_of_a_comment(house, doctor, browser, page) -> None:
    """It does not count either; the joiners of Persian and of emoji do belong."""
    url, fields = page
    words = "کتاب\u200cها 👩\u200d⚕️ " + "x" * 487
    assert len(words) == 500
    sent = "\ufeff" + words.replace(" ", "\u00a0") + "\u00ad\u200b"
    assert doctor.post(browser, url, {**fields, "outcome": "accepted", "comment": sent}).status_code == 303
    (feedback,) = house.ledger.feedback
    assert feedback.comment == words


def test_another_fault_gives_the_comment_back_too(doctor, browser, page) -> None:
    """With a word that it stands there as plain text, where it does."""
    url, fields = page
    answer = doctor.post(browser, url, {**fields, "outcome": "overridden", "comment": "so\u00adft"})
    assert "needs a reason. Choose one; nothing was saved yet. Below, your words stand as plain text" in answer.text
    assert given(answer.text) == ["soft"]


def test_the_advice_of_another_patient_is_refused(house, doctor, browser, page, make) -> None:
    """Only advice that stands on this page can be decided on here."""
    url, fields = page
    for foreign in (make.advice(patient_id="p2"), make.advice()):
        house.ledger.append(foreign)
        assert doctor.post(browser, url, {**fields, "advice": foreign.id, "outcome": "accepted"}).status_code == 403
    assert house.ledger.feedback == []


def test_a_stranger_decides_nothing(house, doctor, page) -> None:
    """The right form in another browser is refused."""
    url, fields = page
    assert doctor.post(house.browser(), url, {**fields, "outcome": "accepted"}).status_code == 403
    assert house.ledger.feedback == []


def test_a_ledger_that_is_down_is_never_a_success(house, doctor, browser, page, make) -> None:
    """503, not saved, a way back; after the repair the same form is stored."""
    url, fields = page
    house.ledger.record = _refuse(house)
    answer = doctor.post(browser, url, {**fields, "outcome": "accepted"})
    assert answer.status_code == 503
    assert "Not saved" in answer.text
    assert "Back to the page" in answer.text
    assert "Saved:" not in answer.text
    del house.ledger.record
    assert doctor.post(browser, url, {**fields, "outcome": "accepted"}).status_code == 303
    assert len(house.ledger.feedback) == 1


def _refuse(house):
    """A ledger that fails on feedback only."""

    def record(batch):
        raise LedgerUnavailable("The ledger cannot be reached.")

    return record


@pytest.mark.parametrize("part", ["find", "decision"])
@pytest.mark.parametrize("changes", [{"outcome": "accepted"}, {"outcome": "overridden"}], ids=str)
def test_a_ledger_that_fails_before_anything_is_stored_says_so(house, doctor, browser, page, part, changes) -> None:
    """Looking up the advice, or the decision before: not saved, with a way back, and never a page that looks saved."""
    url, fields = page
    setattr(house.ledger, part, _down)
    answer = doctor.post(browser, url, {**fields, **changes})
    assert answer.status_code == 503
    assert "<h1>Not saved</h1>" in answer.text
    assert f'href="{url.removesuffix("/decision")}">Back to the page' in answer.text
    assert house.ledger.feedback == []
    delattr(house.ledger, part)
    assert doctor.post(browser, url, {**fields, "outcome": "accepted"}).status_code == 303
    assert len(house.ledger.feedback) == 1


def _down(*_, **__):
    """A part of a ledger that fails."""
    raise LedgerUnavailable("The ledger cannot be reached.")


def test_quarantined_feedback_is_not_called_saved(house, doctor, browser, page) -> None:
    """A receipt that counts nothing is a fault."""
    url, fields = page
    house.ledger.record = lambda batch: Receipt(0, 0, 1)
    assert doctor.post(browser, url, {**fields, "outcome": "accepted"}).status_code == 503


def test_a_huge_form_is_refused(house, doctor, browser, page) -> None:
    """The door is small."""
    url, fields = page
    answer = doctor.post(browser, url, {**fields, "outcome": "accepted", "comment": "x" * 30_000})
    assert answer.status_code == 413
    assert house.ledger.feedback == []
