import { byteSize } from "../device/mod.ts";
import { defineOp, type HostArray, type InputTypes, type OpDefinition } from "./define.ts";
import { planScalingCases } from "./plan_scaling_cases.ts";
import { planLayout, type PlanScalingParams, SETTINGS } from "./plan_scaling_layout.ts";
import { planScalingKernels } from "./plan_scaling_kernels.ts";
import { scaleJob } from "./plan_scaling_reference.ts";
import { planScalingNatives } from "./plan_scaling_wasm.ts";

/**
 * Iterations that scale entropic transport plans, for many jobs at once, each with the costs of one of the problems `c` `[P, n, m]`.
 * A job has weights and potentials `rows` `[B, 3, n]` (a, F, p) and `columns` `[B, 3, m]` (b, G, q), and `settings` `[B, 7]`: ε, quantum, ω, steps, the
 * number of its problem (held to those there are), a target and a range. From its plan P = exp((F + G − C)/ε + (p + q)), zero where a weight is,
 * with u = v = 1,
 *
 *   u ← u (a / (u ∘ P v))^ω,  v ← v (b / (v ∘ Pᵀ u))^ω,
 *
 * up to `steps` times, the last v with ω = 1. An iteration after the first is the last if Σ |u ∘ P v − a| before it is at most the target. `report`
 * `[B, 3]` is the largest |log| of a scaling, the iterations done, and that sum before the last of them (0 if there is none). Where the largest |log| is
 * within the range, the potentials take the scalings in: F and G move by multiples of the quantum, p and q hold the rest in units of ε.
 * `rows` `[B, 4, n]` are F, p, the row sums of the plan made anew, and Σ_j P_ij C_ij; `columns` `[B, 2, m]` are G and q. Sources: Schmitzer,
 * "Stabilized Sparse Scaling Algorithms for Entropy Regularized Transport Problems" (2019), section 3; for ω, Thibault et al.,
 * "Overrelaxed Sinkhorn–Knopp Algorithm for Regularized Optimal Transport" (2021).
 */
export const planScaling: OpDefinition<PlanScalingParams> = defineOp({
  name: "planScaling",

  contract(inputs, { most }) {
    const { jobs, n, m, dtype } = planLayout(inputs);
    if (!Number.isInteger(most) || most < 0) {
      throw new RangeError(`Expected "most" to be a whole number from 0, got ${most}`);
    }
    return {
      rows: { shape: [jobs, 4, n], dtype },
      columns: { shape: [jobs, 2, m], dtype },
      report: { shape: [jobs, 3], dtype },
    };
  },

  reference(inputs, { most }, { rows, columns, report }) {
    const { jobs, n, m } = planLayout(inputs as InputTypes);
    for (let k = 0; k < jobs; k++) {
      const found = scaleJob(inputs as Record<string, HostArray>, most, k);
      rows.data.set(found.rows, 4 * k * n);
      columns.data.set(found.columns, 2 * k * m);
      report.data.set([found.reach, found.done, found.error], 3 * k);
    }
  },

  kernels: planScalingKernels,

  natives: planScalingNatives,

  // Two products and two sums per pair and iteration; to build a plan and to measure one, an exponential of some twenty operations each.
  cost(inputs, { most }) {
    const { jobs, problems, n, m, dtype } = planLayout(inputs);
    return {
      flops: jobs * n * m * (4 * most + 50),
      bytes: byteSize(dtype) * (Math.max(problems, jobs) * n * m + jobs * (7 * n + 5 * m + SETTINGS + 3)),
    };
  },

  error(inputs, { most }, { rows, columns, report }, u) {
    const { jobs, n, m } = planLayout(inputs as InputTypes);
    const bounds = [rows, columns, report].map(({ data }) => new Float64Array(data.length));
    for (let k = 0; k < jobs; k++) {
      const { bounds: own } = scaleJob(inputs as Record<string, HostArray>, most, k, u);
      bounds[0].set(own.rows, 4 * k * n);
      bounds[1].set(own.columns, 2 * k * m);
      bounds[2].set([own.reach, own.done, own.error], 3 * k);
    }
    return { rows: bounds[0], columns: bounds[1], report: bounds[2] };
  },

  cases: planScalingCases,
});
