// Numbers as the server's pages write them (clinical/wording.py). Sentences come from the page, in its language.

/** A sentence of the page with something in its places: `{percent}`. What is put in is never read for places. */
export function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (place, name) => (Object.hasOwn(values, name) ? String(values[name]) : place));
}

/** So many significant digits, rounded half up on the shortest decimal form, without an exponent. */
export function significant(value, digits) {
  if (value === 0) return "0";
  const [mantissa, exponent] = Math.abs(value).toExponential().split("e");
  const all = mantissa.replace(".", "").padEnd(digits + 1, "0");
  let place = Number(exponent);
  let kept = String(BigInt(all.slice(0, digits)) + (all[digits] >= "5" ? 1n : 0n));
  if (kept.length > digits) {
    kept = kept.slice(0, digits);
    place += 1;
  }
  const text =
    place < 0
      ? `0.${"0".repeat(-place - 1)}${kept}`
      : place >= digits - 1
        ? kept + "0".repeat(place - digits + 1)
        : `${kept.slice(0, place + 1)}.${kept.slice(place + 1)}`;
  return (value < 0 ? "\u2212" : "") + text;
}

/** Whole percent, rounded half up on the shortest decimal form. */
function points(probability) {
  const [mantissa, exponent] = probability.toExponential().split("e");
  const digits = mantissa.replace(".", "");
  const whole = Number(exponent) + 3;
  if (whole <= 0) return whole === 0 && digits[0] >= "5" ? 1 : 0;
  const padded = digits.padEnd(whole + 1, "0");
  return Number(padded.slice(0, whole)) + (padded[whole] >= "5" ? 1 : 0);
}

export function percent(probability) {
  if (probability < 0.01) return "<1 %";
  return probability > 0.99 ? ">99 %" : `${points(probability)} %`;
}

export function ofHundred(probability, words) {
  if (probability < 0.01) return words.few;
  return probability > 0.99 ? words.many : filled(words.about, { points: points(probability) });
}

/** What two equal percentages do not show: the name of a sentence. */
export function slightly(before, after) {
  if (percent(before) !== percent(after)) return "";
  if (significant(before, 6) === significant(after, 6)) return "same";
  return after > before ? "higher" : "lower";
}

export function multiplier(value) {
  return `\u00d7 ${significant(value, 2)}`;
}

/** Which way a driver goes: the name of a sentence. */
export function direction(value) {
  const shown = Number(significant(value, 2));
  if (shown === 1) return "no change";
  return shown > 1 ? "raises" : "lowers";
}
