// Makes sliders of the what-if forms of a page. The model's file is read once a form is opened; after that the risk and
// its drivers are worked out here. Nothing is sent and nothing is recorded. Whatever fails leaves the plain form.

import { Model } from "./model.js";
import { changedRow } from "./program.js";
import { percent, ofHundred, multiplier, direction } from "./words.js";

const DRIVERS = 5;
const LABEL = "model's response to another number, not the effect of a treatment";

/** A file of this server. Throws. */
async function read(url) {
  const response = await fetch(url, { credentials: "same-origin", redirect: "error", referrerPolicy: "no-referrer" });
  if (!response.ok) throw new Error("The file could not be read.");
  return response;
}

/** The model and the sheet of one form. Throws. */
async function opened(details) {
  const { sheet, model, digest } = details.dataset;
  const [page, file] = await Promise.all([read(sheet), read(model)]);
  const found = await page.json();
  if (found.digest !== digest) throw new Error("The file is another one.");
  return { sheet: found, model: await Model.open(await file.arrayBuffer(), digest) };
}

/** A paragraph or a list entry with a text; nothing is ever read as HTML. */
function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

class Form {
  constructor(details, { model, sheet }) {
    this.model = model;
    this.sheet = sheet;
    this.form = details.querySelector("form");
    this.region = details.querySelector("[aria-live]");
    this.list = details.querySelector("[data-drivers]");
    this.dials = [...details.querySelectorAll("[data-input]")].map((place) => this.#dial(place));
    const row = changedRow(sheet, {});
    if (Math.abs(model.explain(row).probability - sheet.probability) > 1e-9) throw new Error("The row is another one.");
    this.#listen();
    this.show();
  }

  #dial(place) {
    const input = place.querySelector("input");
    const name = place.dataset.input;
    if (!Object.hasOwn(this.sheet.latest, name)) throw new Error("This is no input.");
    return { name, input, output: place.querySelector("output"), unit: place.querySelector("label .quiet")?.textContent ?? "" };
  }

  #listen() {
    for (const { input, output } of this.dials) {
      input.type = "range";
      output.htmlFor = input.id;
      output.hidden = false;
      input.addEventListener("input", () => this.show());
    }
    this.form.addEventListener("submit", (event) => event.preventDefault());
    const [submit, reset] = [this.form.querySelector("button:not([type])"), this.form.querySelector("button[type=reset]")];
    submit.hidden = true;
    reset.hidden = false;
    reset.addEventListener("click", (event) => {
      event.preventDefault();
      for (const { name, input } of this.dials) input.value = String(this.sheet.latest[name]);
      this.show();
    });
  }

  /** The numbers of the sliders; one that stands where it was measured is exactly what was measured. */
  values() {
    const found = {};
    for (const { name, input } of this.dials) {
      const [value, latest] = [Number(input.value), this.sheet.latest[name]];
      const clamped = Math.min(Math.max(value, Number(input.min)), Number(input.max));
      found[name] = Math.abs(value - latest) <= Number(input.step) / 1000 ? latest : clamped;
    }
    return found;
  }

  /** The model's answer, null where it gives none. */
  #answer(values) {
    try {
      return this.model.answer(changedRow(this.sheet, values), this.sheet);
    } catch {
      return null;
    }
  }

  /** Work it out and say it. */
  show() {
    const values = this.values();
    for (const { name, input, output, unit } of this.dials) {
      output.textContent = input.value + (values[name] === this.sheet.latest[name] ? ", as measured" : "");
      input.setAttribute("aria-valuetext", `${output.textContent} ${unit}`.trim());
    }
    const found = this.#answer(values);
    if (found === null) {
      this.region.replaceChildren(element("p", "The model gives no answer to these numbers. That does not mean that there is no risk."));
      this.list.replaceChildren();
      delete this.region.dataset.probability;
      return;
    }
    const changed = Object.keys(values).some((name) => values[name] !== this.sheet.latest[name]);
    const before = `With what was measured it is ${percent(this.sheet.probability)}.`;
    const first = `${percent(found.probability)} (${ofHundred(found.probability)}; tier: ${found.tier})`;
    const list = document.createElement("ul");
    for (const driver of found.drivers.slice(0, DRIVERS)) {
      const factor = Math.exp(driver.logOdds);
      const word = direction(factor);
      const effect = word === "no change" ? ": no change in the odds" : ` ${word} the odds, ${multiplier(factor)}`;
      list.append(element("li", driver.label + effect));
    }
    this.region.replaceChildren(
      element("p", changed ? `${first} with these numbers: the ${LABEL}. ${before}` : `${first} with what was measured.`),
    );
    // Not in the live region: a reader would hear five lines at every step.
    this.list.replaceChildren(element("p", "Mainly, by effect on the odds:"), list);
    this.region.dataset.probability = String(found.probability);
  }
}

for (const details of document.querySelectorAll("details[data-what-if]")) {
  const start = async () => {
    if (!details.open || details.dataset.state) return;
    const region = details.querySelector("[aria-live]");
    const answered = [...region.childNodes];
    details.dataset.state = "loading";
    region.replaceChildren(element("p", "Reading the model …"));
    try {
      const found = await opened(details);
      new Form(details, found);
      details.dataset.state = "ready";
    } catch {
      region.replaceChildren(...answered);
      details.dataset.state = "plain";
    }
  };
  details.addEventListener("toggle", start);
  start();
}
