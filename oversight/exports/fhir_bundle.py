"""The measures of a period and the reports on them, as one FHIR R4 Bundle."""

from __future__ import annotations

from typing import Any

from oversight.exports.measure_reports import counted, measure_reports
from oversight.exports.measures import METRICS, measure
from oversight.exports.order import Order
from oversight.mart.mart import Questions


def fhir_resources(mart: Questions, order: Order) -> list[dict[str, Any]]:
    """Each `Measure`, then a `MeasureReport` on each, from entries that were laid out by `narrow`."""
    found = counted(mart, order.selection)
    reports = measure_reports(found, order.base_url, order.now, order.name)
    return [*(measure(metric, order.base_url) for metric in METRICS), *reports]


def fhir_bundle(mart: Questions, order: Order) -> dict[str, Any]:
    """All of them in a collection."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": order.now.isoformat(),
        "entry": [
            {"fullUrl": f"{order.base_url}/{each['resourceType']}/{each['id']}", "resource": each}
            for each in fhir_resources(mart, order)
        ],
    }
