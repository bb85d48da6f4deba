// How columns of a row follow from the latest values of some signals: the same expressions as
// models/runtime/what_if_program.py, operation by operation in the same order, so that both give the same double.

const total = (v) => {
  let found = 0;
  for (const value of v) found += value;
  return found;
};
const mean = (v) => total(v) / v.length;

function spread(v) {
  if (v.length < 2) return NaN;
  const middle = mean(v);
  return Math.sqrt(total(v.map((x) => (x - middle) * (x - middle))) / (v.length - 1));
}

function slope(v, t) {
  const middle = mean(t);
  const level = mean(v);
  const apart = t.map((x) => x - middle);
  const wide = total(apart.map((x) => x * x));
  return wide > 0 ? total(apart.map((x, i) => x * (v[i] - level))) / wide : NaN;
}

const OF_ONE = {
  latest: (v) => v[v.length - 1],
  lowest: (v) => Math.min(...v),
  highest: (v) => Math.max(...v),
  mean,
  total,
  spread,
  change: (v) => v[v.length - 1] - v[0],
  range: (v) => Math.max(...v) - Math.min(...v),
  slope,
};

/** Of pairs of top and bottom the one with the lowest ratio, the first of equals. */
function lowestRatio(scale, v) {
  let best = 0;
  for (let i = 2; i < v.length; i += 2) if (v[i] / v[i + 1] < v[best] / v[best + 1]) best = i;
  return (scale * v[best]) / v[best + 1];
}

const OF_TWO = {
  ratio: (scale, v) => (v[1] ? (scale * v[0]) / v[1] : NaN),
  difference: (scale, v) => scale * (v[0] - v[1]),
  "lowest-ratio": lowestRatio,
};

/** The number of an expression; null stands for NaN. Throws for a kind that is not known. */
export function evaluate(expression, latest) {
  const numbers = (expression.numbers ?? []).map((number) => (number === null ? NaN : number));
  if (expression.kind === "constant") return numbers[0];
  if (Object.hasOwn(OF_TWO, expression.kind)) {
    return OF_TWO[expression.kind](numbers[0], expression.operands.map((operand) => evaluate(operand, latest)));
  }
  if (!Object.hasOwn(OF_ONE, expression.kind) || !Object.hasOwn(latest, expression.signal)) {
    throw new Error("What a column becomes is written in another form.");
  }
  return OF_ONE[expression.kind]([...numbers, latest[expression.signal]], expression.times ?? []);
}

/** The row (Float64Array of float32 numbers) if some latest values were others; what is as measured stays. */
export function changedRow(sheet, values) {
  const row = Float64Array.from(sheet.row, (value) => (value === null ? NaN : value));
  const latest = { ...sheet.latest };
  const others = new Set();
  for (const [name, value] of Object.entries(values)) {
    if (!Object.hasOwn(sheet.latest, name) || !Number.isFinite(value)) throw new Error("This is no input.");
    latest[name] = value;
    if (value !== sheet.latest[name]) others.add(name);
  }
  for (const column of sheet.program) {
    if (column.signals.some((name) => others.has(name))) {
      row[column.column] = Math.fround(evaluate(column.value, latest));
    }
  }
  return row;
}
