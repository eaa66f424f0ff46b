import { requireArray } from "./contract_checks.ts";
import type { InputTypes } from "./define.ts";
import { showShape } from "./value.ts";

/** Scalings beyond e^±60 are held there. */
export const HELD = 1e26;
/** Numbers of a job in `settings`: ε, the quantum, ω, the most iterations, the number of its problem, the error to stop at, and the range. */
export const SETTINGS = 7;

/** Options of `planScaling`. */
export interface PlanScalingParams {
  /** The most iterations of any job: beyond them `settings` is not followed. */
  readonly most: number;
}

/** Sizes of a call. */
export interface PlanLayout {
  readonly jobs: number;
  readonly problems: number;
  readonly n: number;
  readonly m: number;
  readonly dtype: "f32" | "f64";
}

/** Sizes of a call; refuses what does not fit together. */
export function planLayout(inputs: InputTypes): PlanLayout {
  const [c, rows, columns, settings] = ["c", "rows", "columns", "settings"].map((name) => requireArray(inputs, name));
  const { dtype } = c, [problems, n, m] = c.shape, jobs = settings.shape[0];
  if (dtype !== "f32" && dtype !== "f64" || [rows, columns, settings].some((t) => t.dtype !== dtype)) {
    const got = [c, rows, columns, settings].map((t) => t.dtype).join(", ");
    throw new TypeError(`Cannot scale plans in ${got}: expected all to be f32 or all f64`);
  }
  const wanted = [[rows, [jobs, 3, n]], [columns, [jobs, 3, m]], [settings, [jobs, SETTINGS]]] as const;
  if (c.shape.length !== 3 || wanted.some(([t, shape]) => t.shape.join() !== shape.join())) {
    throw new TypeError(
      `Cannot scale plans of ${
        [c, rows, columns, settings].map((t) => showShape(t.shape)).join(", ")
      }: expected c [P, n, m], rows [B, 3, n], columns [B, 3, m], settings [B, ${SETTINGS}]`,
    );
  }
  if (jobs > 0 && problems * n * m === 0) {
    throw new RangeError(`Cannot scale ${jobs} plans of ${showShape(c.shape)}: expected at least one entry`);
  }
  return { jobs, problems, n, m, dtype };
}
