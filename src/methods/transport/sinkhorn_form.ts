import type { Device } from "../../device/mod.ts";

/**
 * How Sinkhorn's iterations see the cost. All find the same solution.
 * `streaming`: the cost is computed anew for each pair, memory O(n + m), one exponential per pair and half-step; for points.
 * `stored`: the cost is stored, one exponential per pair and half-step.
 * `kernel`: costs and plan are stored and the plan is scaled, one product per pair and half-step, in the op `planScaling`; what leaves the range of
 * the dtype is done in the log domain.
 */
export type SinkhornForm = "streaming" | "stored" | "kernel";

/** Entries that are stored without being asked: 64 MB in f32, and the costs as many again. */
export const STORED_AT_MOST: number = 2 ** 24;
/** Entries of a plan whose products a host makes in less time than a call of an adapter is worth. */
const ON_HOST = 2 ** 18;
/** Numbers per point from which a stored cost is read faster than it is computed, on an adapter. */
const LONG_POINTS = 32;

/** The form for a problem if none is asked for: on a processor exponentials are what costs, on an adapter memory is. */
export function chooseForm(
  { n, m, dimension, device }: { n: number; m: number; dimension: number | undefined; device: Device },
): SinkhornForm {
  const small = n * m <= STORED_AT_MOST;
  const { backend, software, threads } = device.info;
  // Beside an adapter that is no faster, everything stored runs on the host; beside another one, what is small.
  if (small && (backend === "cpu" || software && threads > 0)) return "kernel";
  if (threads > 0 && n * m <= ON_HOST) return "kernel";
  if (dimension === undefined) return "stored";
  return small && dimension >= LONG_POINTS ? "stored" : "streaming";
}

/** Refuses forms that do not fit what was given. */
export function requireForm(form: SinkhornForm | "auto", points: boolean, unrolled: boolean): void {
  if (!["auto", "streaming", "stored", "kernel"].includes(form)) {
    throw new TypeError(
      `Expected "form" to be "auto", "streaming", "stored" or "kernel", got ${JSON.stringify(form)}`,
    );
  }
  if (form === "streaming" && !points) {
    throw new TypeError('The form "streaming" is for points: a cost matrix is stored already');
  }
  if (form !== "auto" && unrolled) {
    throw new TypeError(`The form "${form}" cannot be unrolled: leave out "form" or take differentiate: "implicit"`);
  }
}
