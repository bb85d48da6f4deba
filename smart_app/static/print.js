// In an EHR's frame the browser's own command prints the EHR's page; this button prints the frame.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
