"""order-dispatch 1.1 (maturity 0): somebody is choosing who shall carry out orders that are signed already.

Two field sets are in use, and the published example of 1.1 spells its names with hyphens. All three are taken; which
one was sent is noted. The hook names no user.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cds_hooks.context import Context, Fields, Hook
from cds_hooks.context_resources import Entry
from clinical.errors import Unprocessable

TASK = frozenset({"Task"})
HYPHENS = "order-dispatch 1.1 names with hyphens"
OLDER = "order-dispatch 1.0 names"


def read(fields: Fields) -> Context:
    """`patientId`, `dispatchedOrders` and `performer` are required, `fulfillmentTasks` are optional.

    Every task must reference one of the orders. Raises `Unprocessable` if one does not.
    """
    orders = _orders(fields)
    fields.reference("performer")
    tasks = _tasks(fields)
    if not all(set(_orders_of(task)) & orders for task in tasks):
        raise Unprocessable("A task in the context references none of the orders that are dispatched.")
    return fields.context(user="", patient_id=fields.identifier("patientId", "Patient"), resources=tasks)


def _orders(fields: Fields) -> frozenset[str]:
    """The orders that are dispatched, as `Type/id`: one in 1.0, one or more in 1.1. Every name that is there counts."""
    name = fields.named("dispatchedOrders", ("dispatched-orders", HYPHENS), ("order", OLDER))
    lists = [each for each in ("dispatchedOrders", "dispatched-orders") if each == name or fields.has(each)]
    found = frozenset(order for each in lists for order in fields.references(each))
    return found | {fields.reference("order")} if fields.has("order") else found


def _tasks(fields: Fields) -> tuple[Entry, ...]:
    """The requests for fulfilment, if any. Every name that is there counts: none is passed over unread."""
    fields.named("fulfillmentTasks", ("fulfillment-tasks", HYPHENS), ("task", OLDER))
    lists = [each for each in ("fulfillmentTasks", "fulfillment-tasks") if fields.has(each)]
    found = tuple(task for each in lists for task in fields.listed(each, TASK))
    return (*found, *fields.instance("task", TASK)) if fields.has("task") else found


def _orders_of(task: Entry) -> Iterator[str]:
    """The orders that a task is for, as `Type/id`."""
    based_on = task.resource.get("basedOn")
    for value in (task.resource.get("focus"), *(based_on if isinstance(based_on, list) else ())):
        reference = value.get("reference") if isinstance(value, Mapping) else None
        if isinstance(reference, str):
            yield "/".join(reference.partition("/_history/")[0].split("/")[-2:])


HOOK = Hook(
    "order-dispatch",
    version="1.1",
    encounter_always_known=False,
    tokens=frozenset({"patientId", "performer"}),  # dispatchedOrders may be a token too, but is no primitive
    read=read,
)
