"""A tab of an EHR that frames the page: chart on localhost, application on 127.0.0.1, which is another site."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from smart_hostile.ward import PATIENT, OneEhr, Ward

# The sandbox in which a large EHR frames its apps: no top navigation.
SANDBOX = (
    "allow-forms allow-modals allow-pointer-lock allow-popups allow-popups-to-escape-sandbox allow-same-origin "
    "allow-scripts allow-downloads"
)
FRAMED = """([address, sandbox]) => {
  document.querySelectorAll('iframe').forEach(old => old.remove());
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', sandbox); frame.width = 900; frame.height = 700; frame.src = address;
  document.body.append(frame); }"""


@dataclass
class Tab:
    """A tab of the EHR. `said` are the faults and refusals that its console tells."""

    page: Any
    ward: Ward
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen."""
        self.page.on("console", lambda message: self.said.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda fault: self.said.append(str(fault)))

    def chart(self, patient: str) -> None:
        """Open a chart, which fires the hook."""
        self.page.goto(f"{self.ward.ehr.settings.base_url}/chart/{patient}")

    def put(self, address: str) -> Any:
        """An address in a sandboxed frame on a page of the EHR; gives what is in the frame."""
        if not self.page.url.startswith(self.ward.ehr.settings.base_url):
            self.page.goto(self.ward.ehr.settings.base_url)
        self.page.evaluate(FRAMED, [address, SANDBOX])
        return self.inside

    def launch(self, patient: str = PATIENT, ehr: OneEhr | None = None) -> Any:
        """A launch as from the chart, with the banner on the page; gives what is in the frame."""
        ehr = ehr or self.ward.ehr
        return self.put(f"{self.ward.url}/smart/launch?iss={ehr.fhir}&launch={ehr.launch(patient)}")

    def open(self, patient: str = PATIENT) -> Any:
        """A launch up to the page with its risk and all its files; gives what is in the frame.

        Before its style sheet is read the page has other places and line breaks.
        """
        self.launch(patient).locator("article.model").first.wait_for()
        self.frame.wait_for_load_state()
        return self.inside

    @property
    def inside(self) -> Any:
        """What is in the frame."""
        return self.page.frame_locator("iframe")

    @property
    def frame(self) -> Any:
        """The frame of the application."""
        return next(frame for frame in self.page.frames if frame.url.startswith(self.ward.url))

    @property
    def address(self) -> str:
        """Where the frame is."""
        return str(self.frame.url)

    @property
    def advice(self) -> str:
        """The id of the advice that the frame shows."""
        return str(self.inside.locator('input[name="advice"]').first.get_attribute("value"))
