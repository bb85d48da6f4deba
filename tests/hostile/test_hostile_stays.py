"""Stays whose class, place or period says too little, through the door: told as not assessed, never an empty answer."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from hostile import good
from hostile.house import SetClock

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ICU = {"location": {"display": "Medical ICU"}}


def summaries(app: Flask, changes: dict[str, Any], service: str = good.SERVICE) -> list[str]:
    """The cards of a call whose stay is changed."""
    body = good.call(SetClock().now())
    body["prefetch"]["encounter"] |= changes
    answer = app.test_client().post(f"/cds-services/{service}", json=body)
    assert answer.status_code == 200, answer.get_json()
    return [card["summary"] for card in answer.get_json()["cards"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"period": {"start": "2026-03-01T08:00:00Z", "end": "2026-02-28"}},
        {"period": {"start": "2026-02-27T08:00:00Z", "end": "2026-02-28"}},
        {"location": [{**ICU, "period": {"start": "2026-03-01"}}]},
        {"location": [{**ICU, "period": {"_start": {"extension": [{"url": "http://x", "valueCode": "unknown"}]}}}]},
        {"location": [{**ICU, "period": {"start": "2026-03-02T07:00:00Z", "end": "2026-03-01T12:00:00Z"}}]},
        {"location": [{**ICU, "status": "bogus"}]},
        *({"class": {"system": ACT_CODE, "code": code}} for code in ("AMB", "VR", "HH", "PRENC")),
    ],
)
def test_a_stay_that_does_not_make_sense_is_told_as_not_assessed(open_app: Flask, changes: dict[str, Any]) -> None:
    """Not as a risk, and not as nothing to say."""
    (summary,) = summaries(open_app, changes)
    assert " not assessed: " in summary


def test_an_intensive_care_that_ended_on_a_day_is_no_place_of_now(open_app: Flask) -> None:
    """The patient is on the ward; the day of today ends nothing yet."""
    ward = {"location": {"display": "Ward 5"}}
    period = {"start": "2026-02-27T08:00:00Z", "end": "2026-02-28"}
    assert summaries(open_app, {"location": [{**ICU, "period": period}, ward]}) == []
    today = {"start": "2026-03-01T08:00:00Z", "end": "2026-03-02"}
    (summary,) = summaries(open_app, {"location": [{**ICU, "period": today}]})
    assert " not assessed: " not in summary
