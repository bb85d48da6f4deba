"""Times and units as the chart shows them."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Flask


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in the unit that fits."""
    span = now - then
    if span < timedelta(minutes=1):
        return "just now"
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"


def clock_time(then: datetime) -> str:
    """Day and time in UTC."""
    return then.strftime("%d %b %H:%M")


def short_time(then: datetime, now: datetime) -> str:
    """The time in UTC, with the day where it is not today."""
    return then.strftime("%H:%M") if then.date() == now.date() else clock_time(then)


_UNITS = {"mm[Hg]": "mmHg", "{score}": "", "[pH]": "", "Cel": "°C", "[degF]": "°F", "10*3/uL": "10³/µL"}


def plain_unit(ucum: str) -> str:
    """A UCUM unit as people write it."""
    return _UNITS.get(ucum, ucum)


def stay_hour(start: datetime, now: datetime) -> str:
    """How far a stay has come."""
    hours = (now - start).total_seconds() / 3600
    return f"hour {hours:.0f}" if hours < 24 * 14 else f"day {hours / 24:.0f}"


def add_filters(app: Flask) -> None:
    """Offer these to the templates."""
    app.jinja_env.filters.update(
        ago=ago, clock_time=clock_time, short_time=short_time, plain_unit=plain_unit, stay_hour=stay_hour
    )
