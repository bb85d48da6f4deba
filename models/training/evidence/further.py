"""What figures that only some models have are called where people read them."""

from __future__ import annotations

# By their names in `evaluation.json`. The utility is that of the PhysioNet/CinC Challenge 2019.
NAMES = {
    "utility": "Utility of CinC 2019 (0: silence, 1: the best possible alerts), an alert in every hour",
    "utility_from_late_hours": "Share of this utility that comes from hours after 48",
    "utility_held": "Utility of CinC 2019, alerts that hold for 12 hours",
    "alerts_a_day": "New alerts for one patient in 24 hours, where each holds for 12",
    "septic_of_alerted": "Share of the stays with an alert that are septic at some time",
    "caught_before_onset": "Share of the septic stays with a new alert in the 12 hours up to onset",
}


def called(name: str) -> str:
    """The words for a figure; of one that is not listed here, its own name."""
    return NAMES.get(name, name.replace("_", " "))
