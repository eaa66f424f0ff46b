import type { LinearOperator } from "../../operators/mod.ts";
import { Sparse, stopGradient, Tensor, withVjp } from "../../tensor/mod.ts";
import { isTracked } from "../../tensor/grad/record.ts";
import { currentScope } from "../../tensor/scope.ts";
import type { MatrixLike } from "./action.ts";
import type { Preconditioner } from "./options.ts";

/** How a solver is differentiated. */
export interface Implicit<R> {
  /** Solves with constants. */
  solve(a: MatrixLike, b: Tensor): Promise<R>;
  /** λ with Aᵀ·λ = c. */
  adjoint(a: MatrixLike, c: Tensor): Promise<Tensor>;
}

/**
 * The solution of A·x = b with its derivatives, whatever the iterations did (implicit differentiation): from A·dx = db − dA·x, for a
 * cotangent x̄ with Aᵀλ = x̄,
 *
 *   b̄ = λ,  Ā = −λ·xᵀ.
 *
 * Of an operator the derivative with respect to what it was made of is that of x₀ + A⁻¹(b − A·x₀) with x₀ = x as a constant: of first order
 * only.
 */
export async function implicitly<R extends { readonly x: Tensor }>(
  name: string,
  a: MatrixLike,
  b: Tensor,
  { solve, adjoint }: Implicit<R>,
): Promise<R> {
  const found = await solvedOnConstants(a, b, solve);
  if (!isCarrying(b) && !isCarrying(a)) return found;
  const { x: x0 } = found;
  if (a instanceof Tensor) {
    const { x } = await withVjp(name, { a, b }, { x: x0 }, async ({ inputs, outputs, cotangents }) => {
      const lambda = await inColumns(cotangents.x!, inputs.b.rank === 1, (c) => adjoint(inputs.a, c));
      return {
        b: summedTo(lambda, inputs.b.shape),
        a: summedTo(outer(lambda, outputs.x, inputs.b.rank === 1).neg(), inputs.a.shape),
      };
    });
    return { ...found, x };
  }
  using product = a.apply(x0);
  using r = Tensor.map("b - y", { b, y: product });
  using none = Tensor.map("0 * x", { x: x0 });
  using parts = keeper(a);
  const { d } = await withVjp(name, { r, parts }, { d: none }, async ({ cotangents }) => {
    return { r: await adjoint(constant(a), cotangents.d!) };
  });
  const x = x0.add(d);
  void x.value;
  x0.dispose();
  return { ...found, x };
}

/** The solution without a history: a preconditioner or a start that is differentiated leaves none either. */
export async function solvedOnConstants<R extends { readonly x: Tensor }>(
  a: MatrixLike,
  b: Tensor,
  solve: (a: MatrixLike, b: Tensor) => Promise<R>,
): Promise<R> {
  if (!(b instanceof Tensor) || !isCarrying(b)) return await onConstants(a, (a) => solve(a, b));
  using bare = constant(b);
  return await onConstants(a, (a) => solve(a, bare));
}

/** What `solve` makes of vectors `[..., n]`, which it takes as columns where there is a stack of them. */
export async function inColumns(
  c: Tensor,
  vectors: boolean,
  solve: (c: Tensor) => Promise<Tensor>,
): Promise<Tensor> {
  if (!vectors || c.rank === 1) return await solve(c);
  const found = await solve(c.expandDims(c.rank));
  return found.reshape(found.shape.slice(0, -1));
}

/** Whether a derivative is to flow through it. */
export function isCarrying(part: Tensor | Sparse | LinearOperator): boolean {
  if (part instanceof Tensor) return isTracked({ part });
  if (part instanceof Sparse) return isTracked({ values: part.values });
  return part?.parts?.some(isCarrying) ?? false;
}

/**
 * A tensor that keeps what an operator reads for as long as a recorded step keeps the tensor: what a function makes while it is
 * differentiated is freed when it returns, and the operator is needed after that.
 */
export function keeper(a: LinearOperator): Tensor {
  const scope = currentScope(), held: { dispose(): void }[] = [];
  const visit = (part: Tensor | Sparse | LinearOperator): void => {
    if (scope?.delete(part)) held.push(part);
    if (part instanceof Tensor) return;
    for (const inner of part instanceof Sparse ? [part.starts, part.columns, part.values] : part.parts ?? []) {
      visit(inner);
    }
  };
  visit(a);
  const token = Tensor.of(a.device, new Float32Array(1), []);
  let users = 0;
  token.share = (tracks) => {
    const handle = Tensor.prototype.share.call(token, tracks), { dispose } = Tensor.prototype;
    users++;
    handle.dispose = () => {
      if (handle.disposed) return;
      dispose.call(handle);
      if (--users === 0) { for (const part of held) part.dispose(); }
    };
    return handle;
  };
  return token;
}

/** Runs what has no derivative on constants, and gives its tensors without a history. */
export async function onConstants<R extends object>(a: MatrixLike, run: (a: MatrixLike) => Promise<R>): Promise<R> {
  const matrix = isCarrying(a) ? constant(a) : a;
  try {
    const found = await run(matrix);
    const bare = Object.entries(found).map(([name, v]) => [name, v instanceof Tensor ? detached(v) : v]);
    return Object.fromEntries(bare) as R;
  } finally {
    if (matrix !== a && matrix instanceof Tensor) matrix.dispose();
  }
}

/** The tensor itself if it has no history, else its values in its place. */
export function detached(t: Tensor): Tensor {
  if (!isCarrying(t)) return t;
  const values = stopGradient(t);
  t.dispose();
  return values;
}

/** The same values without their history. */
export function constant<T extends MatrixLike>(a: T): T {
  if (a instanceof Tensor) return stopGradient(a as Tensor) as T;
  const operator = a as LinearOperator;
  return Object.create(operator, {
    apply: { value: (v: Tensor) => detached(operator.apply(v)) },
    applyTransposed: { value: (u: Tensor) => detached(operator.applyTransposed(u)) },
  });
}

/** u·vᵀ of vectors `[..., m]` or of columns `[..., m, k]`. */
export function outer(u: Tensor, v: Tensor, vectors: boolean): Tensor {
  const columns = (t: Tensor) => vectors ? t.expandDims(t.rank) : t;
  return columns(u).matmul(columns(v).T);
}

/** The sum over the axes along which a tensor of this shape was spread. */
export function summedTo(t: Tensor, shape: readonly number[]): Tensor {
  const extra = t.rank - shape.length, leading = Array.from({ length: extra }, (_, k) => k);
  const whole = extra > 0 ? t.sum(leading) : t;
  const spread = shape.flatMap((s, k) => s === 1 && whole.shape[k] !== 1 ? [k] : []);
  return spread.length > 0 ? whole.sum(spread, { keepDims: true }) : whole;
}

/** Aᵀ. */
export function transposeOf(a: MatrixLike): MatrixLike {
  return a.T;
}

/** The preconditioner of Aᵀ; a function cannot be transposed, and is left out. */
export function transposedPreconditioner(given: Preconditioner | undefined): Preconditioner | undefined {
  if (given === undefined || typeof given === "function") return undefined;
  return given instanceof Tensor && given.rank === 1 ? given : given.T;
}
