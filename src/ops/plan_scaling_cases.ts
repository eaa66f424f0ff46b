import type { Case } from "./define.ts";
import type { PlanScalingParams } from "./plan_scaling_layout.ts";

interface Shape {
  readonly n: number;
  readonly m: number;
  readonly jobs?: number;
  readonly problems?: number;
  readonly dtype?: "f32" | "f64";
  /** Iterations of the jobs in turn, and the most that the call allows. */
  readonly steps?: readonly number[];
  readonly most?: number;
  readonly omega?: readonly number[];
  readonly eps?: number;
  readonly quantum?: number;
  /** The marginal errors at which the jobs in turn stop. */
  readonly targets?: readonly number[];
  /** Whether some weights are zero. */
  readonly holes?: boolean;
  /** Potentials of the rows; default small ones. */
  readonly start?: readonly number[];
  readonly layout?: "transposed" | "offset";
}

const mixed = (count: number, seed: number, size: number) =>
  Array.from({ length: count }, (_, k) => size * (((k * 37 + seed * 13 + (k * k) % 11) % 29) / 29 - 0.3));

function one(name: string, shape: Shape): Case<PlanScalingParams> {
  const { n, m, jobs = 1, problems = jobs, dtype = "f32", steps = [3], omega = [1], eps = 0.3, holes = false } = shape;
  const { quantum = 1 / 4096, targets = [0], layout } = shape;
  const side = (count: number, seed: number) =>
    Array.from({ length: jobs }, (_, k) => {
      const weights = Array.from(
        { length: count },
        (_, i) => holes && i % 3 === 1 && count > 2 ? 0 : (1 + (i * 5 + seed + k) % 4) / (2.5 * count),
      );
      const F = (shape.start ?? mixed(count, seed + k, 0.2)).slice(0, count);
      const coarse = Array.from({ length: count }, (_, i) => Math.round(F[i % F.length] * 64) / 64);
      return [...weights, ...coarse, ...mixed(count, seed + 7 * k, 0.1)];
    }).flat();
  const settings = Array.from(
    { length: jobs },
    (_, k) => [
      eps * (1 + k % 2),
      quantum,
      omega[k % omega.length],
      steps[k % steps.length],
      (k * 2 + 1) % problems,
      targets[k % targets.length],
      20,
    ],
  ).flat();
  return {
    name: `${dtype} ${name}`,
    inputs: {
      c: { shape: [problems, n, m], dtype, fill: "uniform", layout },
      rows: { shape: [jobs, 3, n], dtype, fill: jobs > 0 ? side(n, 1) : [0] },
      columns: { shape: [jobs, 3, m], dtype, fill: jobs > 0 ? side(m, 4) : [0] },
      settings: { shape: [jobs, 7], dtype, fill: jobs > 0 ? settings : [0] },
    },
    params: { most: shape.most ?? Math.max(...steps) },
    gradient: false,
  };
}

/** Input sets for `planScaling`: sizes around vectors and workgroups, own steps and factors, zero weights, what goes out of range. */
export const planScalingCases: readonly Case<PlanScalingParams>[] = (["f32", "f64"] as const).flatMap((dtype) => [
  one("one entry", { n: 1, m: 1, dtype }),
  one("a row", { n: 1, m: 9, dtype }),
  one("a column", { n: 9, m: 1, dtype }),
  one("odd sizes", { n: 7, m: 13, dtype }),
  one("many jobs of few problems", { n: 5, m: 6, jobs: 70, problems: 3, steps: [2, 0, 5, 1], dtype }),
  one("each its own steps and factors", { n: 17, m: 18, jobs: 4, steps: [0, 4, 2, 3], omega: [1, 1.5, 1.2, 1], dtype }),
  one("fewer steps than asked for", { n: 6, m: 5, jobs: 2, steps: [5, 1], most: 2, omega: [1.4], dtype }),
  one("no steps", { n: 6, m: 5, jobs: 2, steps: [0], dtype }),
  one("until the error is small", { n: 9, m: 12, jobs: 4, steps: [9], targets: [0.05, 0.002, 10], dtype }),
  one("until the error is small, relaxed", { n: 40, m: 31, jobs: 2, steps: [8], omega: [1.1], targets: [0.01], dtype }),
  one("zero weights", { n: 8, m: 11, jobs: 3, holes: true, omega: [1, 1.3], dtype }),
  one("a large quantum", { n: 8, m: 5, quantum: 0.125, dtype }),
  one("scalings that are thrown away", {
    n: 6,
    m: 7,
    jobs: 2,
    eps: 0.02,
    start: [-1, -0.95, -0.97],
    steps: [1],
    dtype,
  }),
  one("square", { n: 64, m: 64, jobs: 2, steps: [4, 6], omega: [1, 1.3], dtype }),
  one("large", { n: 129, m: 128, steps: [2], omega: [1.2], dtype }),
  one("wide", { n: 3, m: 150, steps: [2], dtype }),
  one("tall", { n: 130, m: 4, steps: [2], omega: [1.2], dtype }),
  one("transposed costs", { n: 9, m: 10, jobs: 2, layout: "transposed", dtype }),
  one("costs further on", { n: 9, m: 10, jobs: 2, layout: "offset", dtype }),
  one("no jobs", { n: 3, m: 4, jobs: 0, problems: 2, dtype }),
]);
