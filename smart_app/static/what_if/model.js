// A published model in the browser: risk and reasons of a row, as models/runtime/explain.py gives them.

import { must, readArchive } from "./archive.js";
import { Trees } from "./trees.js";

const TOLERANCE = 1e-6;
const HOURS_A_DAY = 24;
const VERSION = 1;

export class Model {
  /** Out of the arrays of a file. Throws WrongFile. */
  constructor(arrays) {
    must(arrays.version.length === 1 && arrays.version[0] === VERSION && arrays.calibration.length === 4, "it has another version");
    this.names = new TextDecoder("utf-8", { fatal: true }).decode(arrays.features).split("\n");
    this.trees = new Trees(arrays, this.names.length);
    must(arrays.baseline.length === arrays.trees.length && arrays.baseline.length > 0, "a member lacks a number");
    must(arrays.trees.every((count) => count > 0), "a member has no trees");
    must(arrays.trees.reduce((a, b) => a + b, 0) === arrays.sizes.length, "the counts of trees are not those of the members");
    must([...arrays.baseline, ...arrays.calibration].every(Number.isFinite) && arrays.calibration[0] > 0, "a number is missing");
    [this.slope, this.intercept, this.slopeByDay, this.interceptByDay] = arrays.calibration;
    this.hours = this.slopeByDay || this.interceptByDay ? this.names.indexOf("hours") : -1;
    must(this.hours >= 0 || !(this.slopeByDay || this.interceptByDay), "it goes by hours that it does not have");
    this.share = 1 / arrays.baseline.length;
    this.baseline = arrays.baseline.reduce((a, b) => a + b, 0) * this.share;
    this.base = this.baseline + this.share * this.trees.base();
  }

  /** Out of the bytes of a file, if its SHA-256 is `digest` (hex). Throws WrongFile. */
  static async open(buffer, digest) {
    const found = new Uint8Array(await crypto.subtle.digest("SHA-256", buffer));
    const hex = Array.from(found, (byte) => byte.toString(16).padStart(2, "0")).join("");
    must(hex === digest, "it is not the file of this model (SHA-256 differs)");
    return new Model(readArchive(buffer));
  }

  /** Probability, base and the part of each column in the calibrated log-odds. Throws where they do not add up. */
  explain(row) {
    must(row.length === this.names.length, "the row has other columns");
    const margin = this.baseline + this.share * this.trees.margin(row);
    const day = this.hours < 0 ? 0 : row[this.hours] / HOURS_A_DAY - 1;
    const slope = this.slope + this.slopeByDay * day;
    must(slope > 0, "the calibration turns the risk around at this hour");
    const logOdds = slope * margin + this.intercept + this.interceptByDay * day;
    const base = this.slope * this.base + this.intercept;
    const parts = this.trees.shapley(row).map((part) => slope * this.share * part);
    if (this.hours >= 0) parts[this.hours] += day * (this.interceptByDay + this.slopeByDay * this.base);
    const sum = parts.reduce((a, b) => a + b, base);
    must(Math.abs(sum - logOdds) <= TOLERANCE, "the reasons do not add up to the risk");
    return { probability: 1 / (1 + Math.exp(-logOdds)), logOdds, base, parts };
  }

  /** The same with the parts added up by concept, the largest effect first; `sheet` is what the page brings along. */
  answer(row, sheet) {
    const { probability, base, parts } = this.explain(row);
    const sums = new Float64Array(sheet.labels.length);
    parts.forEach((part, column) => {
      sums[sheet.concepts[column]] += part;
    });
    const drivers = Array.from(sums, (logOdds, i) => ({ label: sheet.labels[i], logOdds }));
    drivers.sort((a, b) => Math.abs(b.logOdds) - Math.abs(a.logOdds));
    const tier = sheet.tiers.filter((one) => probability >= one.at_least).at(-1).name;
    return { probability, base, drivers, tier };
  }
}
