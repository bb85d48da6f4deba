// Makes sliders of the what-if forms of a page. The model's file is read once a form is opened; after that the risk and
// its drivers are worked out here. Nothing is sent and nothing is recorded. Whatever fails leaves the plain form.

import { Model } from "./model.js";
import { changedRow } from "./program.js";
import { direction, filled, multiplier, ofHundred, percent, slightly } from "./words.js";

const DRIVERS = 5;

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
  constructor(details, { model, sheet }, words) {
    this.model = model;
    this.sheet = sheet;
    this.words = words;
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

  /** A label or a tier as the page's language has it. */
  #shown(text) {
    return Object.hasOwn(this.sheet.shown, text) ? this.sheet.shown[text] : text;
  }

  /** The answer, beside what was measured. */
  #sentence(found, values) {
    const [now, then] = [found.probability, this.sheet.probability];
    const told = { percent: percent(now), ofHundred: ofHundred(now, this.words), tier: this.#shown(found.tier) };
    if (Object.keys(values).every((name) => values[name] === this.sheet.latest[name])) return filled(this.words.measured, told);
    const before = filled(this.words.before[slightly(then, now)], { before: percent(then) });
    return `${filled(this.words.changed, told)} ${before}`;
  }

  /** What one driver does. */
  #effect(driver) {
    const factor = Math.exp(driver.logOdds);
    return filled(this.words.effect[direction(factor)], { label: this.#shown(driver.label), times: multiplier(factor) });
  }

  /** Work it out and say it. */
  show() {
    const values = this.values();
    for (const { name, input, output, unit } of this.dials) {
      const measured = values[name] === this.sheet.latest[name];
      output.textContent = measured ? filled(this.words.asMeasured, { value: input.value }) : input.value;
      input.setAttribute("aria-valuetext", `${output.textContent} ${unit}`.trim());
    }
    const found = this.#answer(values);
    if (found === null) {
      this.region.replaceChildren(element("p", this.words.none));
      this.list.replaceChildren();
      delete this.region.dataset.probability;
      return;
    }
    this.region.replaceChildren(element("p", this.#sentence(found, values)));
    // Not in the live region: a reader would hear five lines at every step.
    const list = document.createElement("ul");
    list.append(...found.drivers.slice(0, DRIVERS).map((driver) => element("li", this.#effect(driver))));
    this.list.replaceChildren(element("p", this.words.mainly), list);
    this.region.dataset.probability = String(found.probability);
  }
}

for (const details of document.querySelectorAll("details[data-what-if]")) {
  const start = async () => {
    if (!details.open || details.dataset.state) return;
    const region = details.querySelector("[aria-live]");
    const answered = [...region.childNodes];
    details.dataset.state = "loading";
    try {
      const words = JSON.parse(details.dataset.words);
      region.replaceChildren(element("p", words.reading));
      new Form(details, await opened(details), words);
      details.dataset.state = "ready";
    } catch {
      region.replaceChildren(...answered);
      details.dataset.state = "plain";
    }
  };
  details.addEventListener("toggle", start);
  start();
}
