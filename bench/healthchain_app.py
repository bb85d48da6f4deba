"""The peer's side: a minimal CDS Hooks service with healthchain, run in its own environment by uvicorn.

As its documentation shows: `HealthChainAPI`, `CDSHooksService`, a handler for patient-view, and its own function that
makes FHIR objects (fhir.resources R4B) of the prefetch. Then a constant card. No token, no model, no store.
"""

from __future__ import annotations

from fhir.resources.R4B.bundle import Bundle
from healthchain.fhir import convert_prefetch_to_fhir_objects
from healthchain.gateway import CDSHooksService, HealthChainAPI
from healthchain.models import CDSRequest, CDSResponse
from healthchain.models.responses.cdsresponse import Card, IndicatorEnum, Source

cds = CDSHooksService()


@cds.hook("patient-view", id="objects")
def answer(request: CDSRequest) -> CDSResponse:
    """Build all objects; the card says how many there are, so that the caller can see that they were built."""
    objects = convert_prefetch_to_fhir_objects(request.prefetch or {})
    built = sum(len(value.entry) if isinstance(value, Bundle) else 1 for value in objects.values())
    summary = f"{built} resources as {'objects' if not any(map(_is_dict, objects.values())) else 'plain data'}"
    return CDSResponse(cards=[Card(summary=summary, indicator=IndicatorEnum.info, source=Source(label="Bench"))])


def _is_dict(value: object) -> bool:
    """Whether the conversion gave up: it then leaves the plain data."""
    return isinstance(value, dict)


app = HealthChainAPI(title="Bench")
app.register_service(cds)
