// The file format of a published model: a .npz of one-dimensional arrays of numbers, stored without compression
// (models/runtime/archive.py). Nothing else is taken: another array, type, shape or way of storing is refused.

const LARGEST = 100_000_000;
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];
const HEADER = /^\{'descr': '(\S{3})', 'fortran_order': False, 'shape': \((\d{1,9}),\), \} *\n$/;

const LAYOUT = {
  version: "<i4", baseline: "<f8", trees: "<i4", sizes: "<i4", feature_idx: "<i4", num_threshold: "<f8",
  left: "<u4", right: "<u4", missing_go_to_left: "|b1", value: "<f8", count: "<u4", calibration: "<f8",
  features: "|u1", weights: "<f8", lowest: "<f8", highest: "<f8", range_from: "<f8", range_sizes: "<i4",
  range_at: "<f8", range_lower: "<f8", range_upper: "<f8",
};
const TYPES = {
  "<i4": Int32Array, "<u4": Uint32Array, "<f8": Float64Array, "|b1": Uint8Array, "|u1": Uint8Array,
};

export class WrongFile extends Error {}

/** Throw unless something holds. */
export function must(holds, what) {
  if (!holds) throw new WrongFile(`The model file cannot be used: ${what}.`);
}

/** The arrays by name out of an ArrayBuffer. Throws WrongFile. */
export function readArchive(buffer) {
  must(new Uint8Array(new Uint32Array([1]).buffer)[0] === 1, "this machine orders bytes otherwise");
  must(buffer.byteLength >= 22 && buffer.byteLength <= LARGEST, "it is too small or too large");
  const view = new DataView(buffer);
  const found = {};
  for (const entry of entries(view)) {
    must(entry.name.endsWith(".npy"), "it holds something else");
    const name = entry.name.slice(0, -4);
    must(Object.hasOwn(LAYOUT, name) && !Object.hasOwn(found, name), "it holds other arrays");
    found[name] = array(buffer, entry, LAYOUT[name]);
  }
  must(Object.keys(found).length === Object.keys(LAYOUT).length, "an array is missing");
  return found;
}

/** The central directory (APPNOTE.TXT 4.3.12 and 4.3.16): the file must end with its end record. */
function entries(view) {
  const end = view.byteLength - 22;
  must(view.getUint32(end, true) === 0x06054b50 && view.getUint16(end + 20, true) === 0, "it does not end as a .npz");
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  const found = [];
  for (let i = 0; i < count; i += 1) {
    must(at + 46 <= end && view.getUint32(at, true) === 0x02014b50, "its directory is broken");
    const length = view.getUint16(at + 28, true);
    const size = view.getUint32(at + 24, true);
    must(view.getUint16(at + 10, true) === 0 && view.getUint32(at + 20, true) === size, "it is compressed");
    must(at + 46 + length <= end, "its directory is broken");
    const name = String.fromCharCode(...new Uint8Array(view.buffer, at + 46, length));
    found.push({ name, size, header: view.getUint32(at + 42, true) });
    at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return found;
}

/** One array. Its header is not parsed but compared. */
function array(buffer, entry, type) {
  const view = new DataView(buffer);
  must(entry.header + 30 <= buffer.byteLength && view.getUint32(entry.header, true) === 0x04034b50, "an entry is broken");
  const start = entry.header + 30 + view.getUint16(entry.header + 26, true) + view.getUint16(entry.header + 28, true);
  must(entry.size >= 10 && start + entry.size <= buffer.byteLength, "an entry is cut off");
  const bytes = new Uint8Array(buffer, start, entry.size);
  must(MAGIC.every((byte, i) => bytes[i] === byte), "an array has another form");
  const length = 10 + bytes[8] + 256 * bytes[9];
  must(length <= entry.size, "an array is cut off");
  const header = HEADER.exec(String.fromCharCode(...bytes.subarray(10, length)));
  must(header !== null && header[1] === type, "an array has another type or shape");
  const Kind = TYPES[type];
  must(Number(header[2]) * Kind.BYTES_PER_ELEMENT === entry.size - length, "an array has another length");
  const numbers = new Kind(buffer.slice(start + length, start + entry.size));
  must(type !== "|b1" || numbers.every((byte) => byte <= 1), "an array is not yes or no throughout");
  return numbers;
}
