"""What is planted in the history. Every number here is a truth that the quality pages can be held against."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

ICU_MORTALITY, SEPSIS, READMISSION = 0, 1, 2
# The last one runs beside sepsis-6h and is never shown.
SERVICES = ("icu-mortality", "sepsis-6h", "readmission-30d", "sepsis-6h-physiology")
SHADOW = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """The knobs. Days count from 0; effects on overriding and on risks are differences of log-odds.

    `version_effect`: what the second version of sepsis-6h does to the odds of an override, the same in each unit, from
    `version_day` on, when the mix of units changes too (`mix_shift`). `unit_changed`: from `unit_change_day` on, the
    laboratory of that unit sends `concept` in another unit, `factor` times as large, which nobody converts.
    `gap_group`: patients whose respiratory rate is charted too low, so that sepsis-6h sees their risk too low by
    `gap_risk`, and whose cards are overridden more (`gap_override`) and answered later (`gap_slowness` times as late).
    `broken_service` adds `broken_risk` to the log-odds of
    everybody for `broken_days` from `broken_day` on, and its cards are overridden more (`broken_override`), with
    comments that say so. `averted`: the share of events that acting on a card prevents, by service. `followed_up`: the
    share of stays whose outcomes become known. `risk_effect`: what one log-odds of risk does to the odds of an
    override, `service_effect` what each service does, `night_effect` what the night does. `answered`: the share of
    cards that get an answer, whichever it is. `habits`: the standard deviation of clinicians' own log-odds of an
    override. `weekend`: arrivals of its days beside those of others. `null_days`: on the days from the first up to, not
    including, the second nothing is planted but the gap.
    """

    days: int = 90
    stays: int = 7_000
    version_day: int = 45
    version_effect: float = -1.0
    mix_shift: bool = True
    unit_change_day: int = 60
    unit_changed: str = "Ward 4 West"
    concept: str = "glucose"
    factor: float = 18.0
    gap_group: tuple[str, str] = ("language", "Spanish")
    gap_risk: float = 0.8
    gap_override: float = 0.5
    gap_slowness: float = 2.0
    broken_service: int = READMISSION
    broken_day: int = 20
    broken_days: int = 10
    broken_risk: float = 1.5
    broken_override: float = 2.2
    averted: tuple[float, float, float] = (0.35, 0.6, 0.35)
    followed_up: float = 0.85
    risk_effect: float = -0.7
    service_effect: tuple[float, float, float] = (0.0, 0.0, -1.3)
    night_effect: float = 0.25
    answered: float = 0.75
    habits: float = 0.5
    weekend: float = 0.7
    null_days: tuple[int, int] = (33, 40)

    def without_effects(self) -> Plan:
        """The same hospital with nothing planted: what a monitor says about it is a false alarm."""
        never = self.days + 1
        return replace(
            self,
            version_day=never,
            version_effect=0.0,
            mix_shift=False,
            unit_change_day=never,
            gap_risk=0.0,
            gap_override=0.0,
            gap_slowness=1.0,
            broken_day=never,
        )
