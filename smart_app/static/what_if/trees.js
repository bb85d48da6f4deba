// Boosted trees: checked, walked, and explained. The checks are those of models/runtime/trees.py.
// Shapley values: path-dependent, Lundberg, Erion & Lee 2018 (arXiv:1802.03888), Algorithm 2.

import { must } from "./archive.js";

const DEEPEST = 250;

export class Trees {
  /** Nodes of all trees laid end to end; children are places among them. Throws WrongFile for what is no tree. */
  constructor(arrays, columns) {
    this.columns = columns;
    this.feature = arrays.feature_idx;
    this.threshold = arrays.num_threshold;
    this.missing = arrays.missing_go_to_left;
    this.value = arrays.value;
    this.count = arrays.count;
    this.left = new Int32Array(this.value.length);
    this.right = new Int32Array(this.value.length);
    this.starts = [];
    this.#link(arrays);
    this.share = new Float64Array(this.value.length);
    this.#shares();
    const depth = Math.max(...this.starts.map((start) => this.#depth(start, 0)));
    const room = ((depth + 2) * (depth + 3)) / 2 + depth + 2;
    this.path = {
      feature: new Int32Array(room), zero: new Float64Array(room), one: new Float64Array(room), weight: new Float64Array(room),
    };
  }

  /** Every node but a root is the child of one node before it, in the same tree: so there are no cycles. */
  #link(arrays) {
    const names = ["feature_idx", "num_threshold", "left", "right", "missing_go_to_left", "count"];
    must(names.every((name) => arrays[name].length === this.value.length), "a node lacks a number");
    const parents = new Uint8Array(this.value.length);
    let start = 0;
    for (const size of arrays.sizes) {
      must(size >= 1 && start + size <= this.value.length, "the sizes of the trees are not those of their nodes");
      this.starts.push(start);
      for (let i = start; i < start + size; i += 1) {
        if (arrays.left[i] === 0) continue;
        this.left[i] = start + arrays.left[i];
        this.right[i] = start + arrays.right[i];
        for (const child of [this.left[i], this.right[i]]) {
          must(child > i && child < start + size && parents[child] === 0, "a child does not lie behind its one parent");
          parents[child] = 1;
        }
      }
      for (let i = start + 1; i < start + size; i += 1) must(parents[i] === 1, "a node has no parent");
      start += size;
    }
    must(start === this.value.length && this.starts.length > 0, "the sizes of the trees are not those of their nodes");
  }

  /** The share of a node's training rows in its parent's, and whether the numbers can be used. */
  #shares() {
    for (let i = 0; i < this.value.length; i += 1) {
      must(this.count[i] >= 1, "a node has no rows");
      if (this.left[i] === 0) {
        must(Number.isFinite(this.value[i]), "a leaf is no number");
        continue;
      }
      const [left, right] = [this.left[i], this.right[i]];
      must(this.threshold[i] > -Infinity, "a threshold is no number");
      must(this.feature[i] >= 0 && this.feature[i] < this.columns, "a node looks at no column");
      must(this.count[i] === this.count[left] + this.count[right], "the rows of a node are not those of its children");
      this.share[left] = this.count[left] / this.count[i];
      this.share[right] = this.count[right] / this.count[i];
    }
  }

  #depth(node, depth) {
    must(depth <= DEEPEST, "a tree is too deep");
    if (this.left[node] === 0) return depth;
    return Math.max(this.#depth(this.left[node], depth + 1), this.#depth(this.right[node], depth + 1));
  }

  /** The child that a row goes to. */
  #next(node, row) {
    const value = row[this.feature[node]];
    const left = Number.isNaN(value) ? this.missing[node] === 1 : value <= this.threshold[node];
    return left ? this.left[node] : this.right[node];
  }

  /** The sum of the leaves that a row ends at. */
  margin(row) {
    let found = 0;
    for (const start of this.starts) {
      let node = start;
      while (this.left[node] !== 0) node = this.#next(node, row);
      found += this.value[node];
    }
    return found;
  }

  /** The sum of the leaves if nothing is known about a row. */
  base() {
    const below = (node) =>
      this.left[node] === 0
        ? this.value[node]
        : this.share[this.left[node]] * below(this.left[node]) + this.share[this.right[node]] * below(this.right[node]);
    return this.starts.reduce((found, start) => found + below(start), 0);
  }

  /** The part of each column in the margin, a Float64Array. */
  shapley(row) {
    const parts = new Float64Array(this.columns);
    for (const start of this.starts) this.#recurse(row, parts, start, 0, 0, 1, 1, -1);
    return parts;
  }

  /** RECURSE: `at` is where this node's path begins in the buffers, `depth` the number of elements before this one. */
  #recurse(row, parts, node, at, depth, zero, one, feature) {
    this.#extend(at, depth, zero, one, feature);
    if (this.left[node] === 0) {
      const { feature: f, zero: z, one: o } = this.path;
      for (let i = 1; i <= depth; i += 1) {
        parts[f[at + i]] += this.#unwoundSum(at, depth, i) * (o[at + i] - z[at + i]) * this.value[node];
      }
      return;
    }
    const own = this.feature[node];
    const hot = this.#next(node, row);
    const cold = hot === this.left[node] ? this.right[node] : this.left[node];
    let [ownZero, ownOne, length] = [1, 1, depth];
    for (let i = 1; i <= depth; i += 1) {
      if (this.path.feature[at + i] === own) {
        ownZero = this.path.zero[at + i];
        ownOne = this.path.one[at + i];
        this.#unwind(at, depth, i);
        length = depth - 1;
        break;
      }
    }
    for (const [child, first] of [[hot, ownOne], [cold, 0]]) {
      const next = at + length + 1;
      for (const part of Object.values(this.path)) part.copyWithin(next, at, at + length + 1);
      this.#recurse(row, parts, child, next, length + 1, ownZero * this.share[child], first, own);
    }
  }

  /** EXTEND. */
  #extend(at, depth, zero, one, feature) {
    const { feature: f, zero: z, one: o, weight: w } = this.path;
    f[at + depth] = feature;
    z[at + depth] = zero;
    o[at + depth] = one;
    w[at + depth] = depth === 0 ? 1 : 0;
    for (let i = depth - 1; i >= 0; i -= 1) {
      w[at + i + 1] += (one * w[at + i] * (i + 1)) / (depth + 1);
      w[at + i] = (zero * w[at + i] * (depth - i)) / (depth + 1);
    }
  }

  /** UNWIND: undo the extension by one element of the path. */
  #unwind(at, depth, which) {
    const { feature: f, zero: z, one: o, weight: w } = this.path;
    const [zero, one] = [z[at + which], o[at + which]];
    let next = w[at + depth];
    for (let i = depth - 1; i >= 0; i -= 1) {
      if (one !== 0) {
        const before = w[at + i];
        w[at + i] = (next * (depth + 1)) / ((i + 1) * one);
        next = before - (w[at + i] * zero * (depth - i)) / (depth + 1);
      } else {
        w[at + i] = (w[at + i] * (depth + 1)) / (zero * (depth - i));
      }
    }
    for (let i = which; i < depth; i += 1) {
      f[at + i] = f[at + i + 1];
      z[at + i] = z[at + i + 1];
      o[at + i] = o[at + i + 1];
    }
  }

  /** The sum of the weights of a path from which one element was unwound. */
  #unwoundSum(at, depth, which) {
    const { zero: z, one: o, weight: w } = this.path;
    const [zero, one] = [z[at + which], o[at + which]];
    let next = w[at + depth];
    let found = 0;
    for (let i = depth - 1; i >= 0; i -= 1) {
      if (one !== 0) {
        const part = (next * (depth + 1)) / ((i + 1) * one);
        found += part;
        next = w[at + i] - part * zero * ((depth - i) / (depth + 1));
      } else {
        found += w[at + i] / zero / ((depth - i) / (depth + 1));
      }
    }
    return found;
  }
}
