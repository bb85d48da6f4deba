"""Every column of both models against numbers worked out with numpy from the rows themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import nan

import numpy as np
import numpy.typing as npt
import pandas as pd

from models.runtime.folder_code import MODELS
from models.runtime.manifest import Manifest
from models.runtime.read_manifest import read_untrained
from models.runtime.sight import TreeSight
from models.training.cases import Case

Floats = npt.NDArray[np.float64]
# Which signal each derived column joins, and how, in terms of plain statistics.
RATIOS = {
    "saturation_per_oxygen": ("O2Sat.last", "FiO2.last", 100.0),
    "urea_per_creatinine": ("BUN.last", "Creatinine.last", 1.0),
    "shock_index": ("HR.last", "SBP.last", 1.0),
    "shock_index_6h": ("HR.mean@6h", "SBP.mean@6h", 1.0),
    "shock_index_24h": ("HR.mean@24h", "SBP.mean@24h", 1.0),
    "rate_over_mean_pressure": ("HR.last", "MAP.last", 1.0),
    "rate_over_saturation": ("Resp.mean@6h", "O2Sat.mean@6h", 1.0),
    "creatinine_over_lowest": ("Creatinine.last", "Creatinine.min", 1.0),
    "platelets_over_highest": ("Platelets.last", "Platelets.max", 1.0),
}
DIFFERENCES = {"haemoglobin_less_highest": ("Hgb.last", "Hgb.max")}
DIFFERENCES |= {f"{name}_dev24": (f"{name}.mean@6h", f"{name}.mean@24h") for name in ("HR", "Temp", "Resp", "EtCO2")}
DIFFERENCES |= {f"{name}_dev": (f"{name}.last", f"{name}.mean") for name in ("HR", "Temp")}


class ByHand:
    """The columns of one patient's rows up to an hour."""

    def __init__(self, rows: pd.DataFrame, hour: float, manifest: Manifest) -> None:
        """Keep what is known then."""
        self.now, self.manifest = hour, manifest
        self.known = rows[rows["ICULOS"] <= hour]
        self.person = rows.iloc[0]

    def series(self, signal: str) -> tuple[Floats, Floats]:
        """Hours and plausible values of a signal."""
        values = self.known["Calcium" if signal == "CaIon" else signal].astype(np.float64).round(4)
        values = values * 100 if signal == "FiO2" else values
        values = values.mask(values > 2.5) if signal == "CaIon" else values
        rule = self.manifest.signals[signal]
        kept = values.between(rule.low - 1e-6, rule.high + 1e-6).to_numpy()
        return self.known["ICULOS"].to_numpy(np.float64)[kept], values.to_numpy()[kept]

    def statistic(self, name: str) -> float:
        """`HR.mean@6h`."""
        signal, _, taken = name.partition(".")
        what, _, window = taken.partition("@")
        times, values = self.series(signal)
        if not len(values):
            return nan
        if window:
            late = times > self.now - float(window[:-1])
            times, values = times[late], values[late]
        if what == "count":
            return float(len(values))
        return nan if not len(values) else reduced(what, times, values, self.now)

    def value(self, name: str) -> float:
        """Any column."""
        if name in self.of_person:
            return self.of_person[name]
        if name in RATIOS:
            top, bottom, scale = RATIOS[name]
            return float(np.float64(scale * self.statistic(top)) / self.statistic(bottom))
        if name in DIFFERENCES:
            top, bottom = DIFFERENCES[name]
            return self.statistic(top) - self.statistic(bottom)
        return self.oxygenation() if name == "oxygenation" else self.statistic(name)

    @property
    def of_person(self) -> Mapping[str, float]:
        """Age and times."""
        before = float(self.person["HospAdmTime"])
        times = {"hours": self.now, "admitted": self.now - before, "admission_to_unit": before}
        return {"age": min(float(self.person["Age"]), 90.0), **times}

    def oxygenation(self) -> float:
        """The latest arterial saturation that has an inspired oxygen of the twelve hours before it."""
        times, values = self.series("SaO2")
        at, oxygen = self.series("FiO2")
        for time, value in reversed(list(zip(times, values, strict=True))):
            before = [(then, share) for then, share in zip(at, oxygen, strict=True) if time - 12 <= then <= time]
            if before:
                return 100 * float(value) / float(max(before)[1])
        return nan


def reduced(what: str, times: Floats, values: Floats, now: float) -> float:
    """One statistic of some values, none of them missing."""
    if what in ("sd", "slope") and len(values) < 2:
        return nan
    found: dict[str, Callable[[], float]] = {
        "last": lambda: values[-1],
        "min": lambda: float(np.min(values)),
        "max": lambda: float(np.max(values)),
        "mean": lambda: float(np.mean(values)),
        "sd": lambda: values.std(ddof=1),
        "change": lambda: values[-1] - values[0],
        "slope": lambda: np.polyfit(times - times.mean(), values, 1)[0],
        "since": lambda: now - times[-1],
    }
    return float(found[what]())


def test_every_column_is_what_a_pencil_gives(cases: list[Case], open_rows: pd.DataFrame, manifest: Manifest) -> None:
    """For each of some stays at six hours of it, the last one included; every column is seen with a value."""
    sight = TreeSight(manifest)
    names = [feature.name for feature in sight.features]
    seen_known, compared = np.zeros(len(names), dtype=bool), 0
    for case in cases:
        rows = open_rows[open_rows["pid"] == case.record.patient_id]
        if rows["Age"].iloc[0] < 18:
            continue
        moments = [case.moments[i] for i in np.linspace(0, len(case.moments) - 1, 6).astype(int)]
        for moment, seen in zip(moments, sight.see(case.record, [m.as_of for m in moments]), strict=True):
            assert seen is not None
            hand = ByHand(rows, moment.hour, manifest)
            expected = np.array([hand.value(name) for name in names])
            np.testing.assert_allclose(seen.values, expected, rtol=2e-5, atol=2e-5, err_msg=str(names))
            seen_known |= ~np.isnan(expected)
            compared += 1
    assert compared > 50
    assert [name for name, known in zip(names, seen_known, strict=True) if not known] == []


def test_the_twin_sees_no_time_and_no_count() -> None:
    """Its columns hold nothing about when or how often somebody measured; the main model's do, and say so."""
    main, twin = (
        TreeSight(read_untrained(MODELS / folder / "model.toml")).features
        for folder in ("sepsis_6h", "sepsis_6h_physiology")
    )
    about_staff = ("count", "since", "hours", "admitted", "admission")
    assert [f.name for f in twin if any(word in f.name for word in about_staff)] == []
    told = [f for f in main if ".count" in f.name or ".since" in f.name]
    assert len(told) > 20
    assert all("number of measurements" in f.label or "hours since latest" in f.label for f in told)
    assert not any(f.name in ("sex", "race") for f in (*main, *twin))
