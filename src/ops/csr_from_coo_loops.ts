import type { CsrFromCooParams } from "./csr_from_coo.ts";
import type { HostArray, HostInputs } from "./define.ts";

/** Columns more than so many times the triplets are sorted by the reference: a table of them all would take longer. */
const SPARSEST = 64;

/** Triplets sorted by counting: by column, then stably by row; those of one place follow each other and add up in order. */
export function csrFromCooLoops(
  inputs: HostInputs,
  { shape: [n, m] }: CsrFromCooParams,
  { starts, columns, values, slots }: Readonly<Record<string, HostArray>>,
): boolean {
  const [r, c, v] = [inputs.rows, inputs.columns, inputs.values].map((x) => (x as HostArray).data);
  const e = r.length;
  if (m > SPARSEST * (e + 1024)) return false;
  const inside = new Uint32Array(e);
  let count = 0;
  for (let k = 0; k < e; k++) if (r[k] >= 0 && r[k] < n && c[k] >= 0 && c[k] < m) inside[count++] = k;
  const order = sorted(sorted(inside.subarray(0, count), c, m), r, n);
  const into = slots.data, to = values.data, room = columns.data.length, { dtype } = values;
  into.fill(room);
  let entry = -1, row = -1, column = -1;
  for (let q = 0; q < count; q++) {
    const k = order[q], i = r[k], j = c[k];
    if (i !== row || j !== column) {
      row = i;
      column = j;
      columns.data[++entry] = j;
      starts.data[i + 1]++;
    }
    const sum = to[entry] + v[k];
    to[entry] = dtype === "i32" ? sum | 0 : dtype === "u32" ? sum >>> 0 : sum;
    into[k] = entry;
  }
  for (let i = 0; i < n; i++) starts.data[i + 1] += starts.data[i];
  return true;
}

/** Positions in order of their keys below `bound`; equal keys keep their order. */
function sorted(positions: Uint32Array, keys: Float64Array, bound: number): Uint32Array {
  const next = new Uint32Array(bound + 1), m = positions.length, own = new Uint32Array(m);
  for (let q = 0; q < m; q++) {
    own[q] = keys[positions[q]];
    next[own[q] + 1]++;
  }
  for (let q = 0; q < bound; q++) next[q + 1] += next[q];
  const out = new Uint32Array(m);
  for (let q = 0; q < m; q++) out[next[own[q]]++] = positions[q];
  return out;
}
