"""The software as FHIR names it: the systems of its identifiers, the method, and the Device that is the author.

FHIR R4 device.html. The Device is contained in what it wrote: a hospital's register of devices is not ours to fill.
"""

from __future__ import annotations

from dataclasses import dataclass

from clinical.assessment import ModelInfo

DEVICE = {"reference": "#software"}


@dataclass(frozen=True, slots=True)
class Software:
    """One deployment. `base_url` is its public address, without a slash at its end."""

    base_url: str

    @property
    def advice_system(self) -> str:
        """The system of the ids of advice (Identifier.system)."""
        return f"{self.base_url}/advice"

    @property
    def model_system(self) -> str:
        """The system of the ids of models, the same as on a card (Coding.system)."""
        return f"{self.base_url}/models"

    def method(self, model: ModelInfo) -> dict[str, object]:
        """The model with its version (RiskAssessment.method)."""
        coding = {"system": self.model_system, "version": model.version, "code": model.id, "display": model.title}
        return {"coding": [coding], "text": f"{model.title}, version {model.version}"}

    def device(self, model: ModelInfo) -> dict[str, object]:
        """The software with the version and the digest of the model that spoke."""
        versions = [{"type": {"text": "model version"}, "value": model.version}]
        if model.digest:
            versions.append({"type": {"text": "SHA-256 of the model's artefact"}, "value": model.digest})
        return {
            "resourceType": "Device",
            "id": "software",
            "identifier": [{"system": self.model_system, "value": model.id}],
            "deviceName": [
                {"name": "Chartside", "type": "user-friendly-name"},
                {"name": model.title, "type": "model-name"},
            ],
            "version": versions,
            "url": self.base_url,
        }


def is_ours(resource: object, software: Software, model: ModelInfo) -> bool:
    """Whether a resource read from the EHR contains the Device of this model at this deployment."""
    contained = resource.get("contained") if isinstance(resource, dict) else None
    names = [
        name
        for part in (contained if isinstance(contained, list) else [])
        if isinstance(part, dict) and part.get("resourceType") == "Device"
        for name in (part["identifier"] if isinstance(part.get("identifier"), list) else [])
    ]
    wanted = (software.model_system, model.id)
    return any(isinstance(name, dict) and (name.get("system"), name.get("value")) == wanted for name in names)
