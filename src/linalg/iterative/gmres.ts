import { roundoff } from "../../device/mod.ts";
import { sizeOf } from "../../ops/value.ts";
import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import type { Action, MatrixLike } from "./action.ts";
import { implicitly, transposedPreconditioner, transposeOf } from "./implicit.ts";
import { extended } from "./krylov_basis.ts";
import { type Preconditioner, preconditioning, requireCount } from "./options.ts";
import { type Round, type RoundCall, solveInRounds } from "./rounds.ts";
import type { IterativeSolution, SolverOptions } from "./solution.ts";
import { readScaled } from "./system.ts";
import { advance, computed, free, fromHost, joined, norms, toHost, zeros } from "./vectors.ts";

/** Options of {@linkcode gmres}. */
export interface GmresOptions extends SolverOptions {
  /** An approximate inverse of A, applied on the right: residuals are those of A·x = b. */
  preconditioner?: Preconditioner;
  /** Vectors of the basis before it is thrown away; memory grows with it. Default 30. */
  restart?: number;
}

/**
 * The solution x of A·x = b for any square matrix `[..., n, n]` or operator by GMRES(restart): the least residual in the Krylov space,
 * with a basis that is orthogonalized twice. `b` is `[n]` or `[..., n, k]`, x has its shape; each column has a space of its own.
 * An iteration is one product with A for one column. With restarts it can come to a stand: `reason: "stagnation"`; a larger `restart`
 * (up to n) or a preconditioner helps. Gradients with respect to b and to a tensor A come from one more solve, with Aᵀ. Throws a
 * `TypeError` for shapes and types that do not fit, and a `RangeError` if an element is not finite. Source: Saad & Schultz (1986).
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const a = gpu.tensor([[1, 2], [0, 3]]);
 * const { x } = await linalg.gmres(a, gpu.tensor([5, 6])); // [1, 2]
 * ```
 */
export async function gmres(a: MatrixLike, b: Tensor, options: GmresOptions = {}): Promise<IterativeSolution> {
  return await implicitly("gmres", a, b, {
    solve: (a, b) => solve(a, b, options),
    adjoint: async (a, c) => {
      const preconditioner = transposedPreconditioner(options.preconditioner);
      return (await gmres(transposeOf(a), c, { ...options, x0: undefined, preconditioner })).x;
    },
  });
}

async function solve(a: MatrixLike, b: Tensor, options: GmresOptions): Promise<IterativeSolution> {
  const { restart = 30 } = options;
  requireCount("restart", restart);
  const system = await readScaled(a, b, options.x0, "gmres");
  try {
    const { a: action } = system, precondition = preconditioning(options.preconditioner, action);
    return await solveInRounds(system, {
      name: "gmres",
      maxIterations: Math.max(300, 10 * action.columns),
      progress: 0.999,
      round: (call) => cycle(action, precondition, Math.min(restart, Math.max(1, action.columns)), call),
    }, options);
  } finally {
    system.dispose();
  }
}

/** One cycle for each column; the iterations are those of the column that needs the most. */
async function cycle(
  a: Action,
  precondition: ((r: Tensor) => Tensor) | undefined,
  restart: number,
  call: RoundCall,
): Promise<Round> {
  const { r, targets, from, limit } = call, k = r.shape.at(-1)!, count = sizeOf(a.batch), m = a.rows;
  const sizes = await runScope(async () => await toHost(norms(r))), current = sizes.slice();
  const length = Math.min(restart, limit - from), columns: Tensor[] = [];
  let most = 0;
  try {
    for (let c = 0; c < count * k; c++) {
      // One column of one matrix as a problem of its own.
      const matrix = Math.floor(c / k),
        one = a.matrix && a.batch.length > 0 ? a.matrix.reshape([count, m, m]) : undefined;
      const apply = (v: Tensor): Tensor => {
        if (!one) return a.apply(v);
        using own = one.at(matrix);
        using row = v.T;
        return Tensor.reduce("sum", "a * v", { a: own, v: row }, 1, { keepDims: true });
      };
      const operator = (v: Tensor): Tensor => {
        if (!precondition) return apply(v);
        const z = precondition(a.batch.length > 0 ? spread(v, a.batch) : v);
        return apply(a.batch.length > 0 ? z.reshape([count, m, 1]).at(matrix) : z);
      };
      using flat = r.reshape([count, m, k]);
      using column = flat.slice(matrix, null, [c % k, c % k + 1]);
      if (sizes[c] <= targets[c]) {
        columns.push(zeros(a.device, [m, 1], a.dtype));
        continue;
      }
      const found = await arnoldi(operator, column, sizes[c], targets[c], length, roundoff(a.dtype), (done, norm) => {
        current[c] = norm;
        call.report(from + Math.max(most, done), current);
      });
      most = Math.max(most, found.steps);
      columns.push(found.y);
    }
    const correction = await runScope(() => {
      const stacked = joined(columns, 1).T.reshape([count, k, m]);
      const d = stacked.transpose([0, 2, 1]).reshape([...a.batch, m, k]);
      return precondition ? computed(precondition(d)).slice() : d;
    });
    return { correction, iterations: from + Math.max(1, most) };
  } finally {
    for (const t of columns) t.dispose();
  }
}

function spread(v: Tensor, batch: readonly number[]): Tensor {
  return v.broadcastTo([...batch, ...v.shape]);
}

/** The basis in rows, and the columns of the Hessenberg matrix. */
type Basis = { basis: Tensor; [h: `h${number}`]: Tensor };

/** The y of least ‖r − A·y‖ in the Krylov space of at most `length` products; measured now and then, as reading costs. */
async function arnoldi(
  apply: (v: Tensor) => Tensor,
  r: Tensor,
  size: number,
  target: number,
  length: number,
  u: number,
  measured: (steps: number, norm: number) => void,
): Promise<{ y: Tensor; steps: number }> {
  const n = r.shape[0], columns: Float64Array[] = [];
  let state = await advance<Basis>({} as Basis, () => ({ basis: Tensor.map("r / s", { r: r.T, s: size }) }));
  let next = Math.min(length, 10), fit: { y: Float64Array; norm: number } | undefined;
  try {
    for (let j = 0; j < length;) {
      for (; j < next; j++) {
        state = await advance(state, ({ basis, ...rest }) => {
          const v = basis.slice([j, j + 1]).T, e = extended(basis, apply(v).T, 4 * Math.sqrt(n) * u);
          return { ...rest, basis: e.basis, [`h${j}`]: joined([e.coefficients, e.norm], 1) };
        });
      }
      const read = await Promise.all(
        Array.from({ length: j - columns.length }, (_, q) => toHost(state[`h${columns.length + q}`])),
      );
      columns.push(...read);
      const before = fit?.norm ?? size;
      fit = leastSquares(columns, size, u);
      measured(fit.y.length, fit.norm);
      if (fit.norm <= target || fit.y.length < j) break;
      const rate = fit.norm < before ? Math.log(before / fit.norm) / 10 : 0;
      next = Math.min(
        length,
        j + (rate > 0 ? Math.max(2, Math.min(10, Math.ceil(Math.log(fit.norm / target) / rate) + 1)) : 10),
      );
    }
    const { y } = fit!, steps = y.length;
    return {
      steps: Math.max(1, columns.length),
      y: await runScope(() => {
        const basis = state.basis.slice([0, steps]),
          weights = fromHost(r.device, y, [1, steps], r.dtype as "f32" | "f64");
        return steps === 0 ? zeros(r.device, r.shape, r.dtype as "f32" | "f64") : computed(weights.matmul(basis)).T;
      }),
    };
  } finally {
    free(state);
  }
}

/** min ‖size·e₁ − H·y‖ by Givens rotations, for as many columns of the Hessenberg matrix as are independent. */
function leastSquares(columns: readonly Float64Array[], size: number, u: number): { y: Float64Array; norm: number } {
  const rotated: Float64Array[] = [], turns: [number, number][] = [], right = [size];
  let largest = 0, count = 0;
  for (const [j, h] of columns.entries()) {
    if (!h.every(Number.isFinite)) {
      throw new RangeError("gmres: a product with the matrix or the preconditioner is not finite");
    }
    const column = h.slice();
    turns.forEach(([c, s], i) => {
      [column[i], column[i + 1]] = [c * column[i] + s * column[i + 1], c * column[i + 1] - s * column[i]];
    });
    const length = Math.hypot(column[j], column[j + 1]);
    largest = Math.max(largest, Math.hypot(...h));
    // A column that the earlier ones have already: A is singular there.
    if (!(length > u * largest)) break;
    const [c, s] = [column[j] / length, column[j + 1] / length];
    [column[j], column[j + 1]] = [length, 0];
    turns.push([c, s]);
    right.push(-s * right[j]);
    right[j] *= c;
    rotated.push(column);
    count++;
    // Nothing was left of the product: the space is complete.
    if (h[j + 1] === 0) break;
  }
  const y = new Float64Array(count);
  for (let i = count - 1; i >= 0; i--) {
    let sum = right[i];
    for (let q = i + 1; q < count; q++) sum -= rotated[q][i] * y[q];
    y[i] = sum / rotated[i][i];
  }
  return { y, norm: Math.abs(right[count]) };
}
