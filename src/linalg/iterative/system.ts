import { broadcastShapes, showShape, sizeOf } from "../../ops/value.ts";
import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { type FloatType, requireFloat } from "../matrix_stack.ts";
import { type Action, actionOf, type MatrixLike } from "./action.ts";
import { computed, fromHost, norms, toHost, zeros } from "./vectors.ts";

/** A system with right-hand sides in columns, each scaled by a power of two to a size near 1. */
export interface ScaledSystem {
  readonly a: Action;
  /** Right-hand sides `[...batch, m, k]`, scaled. */
  readonly b: Tensor;
  /** Their norms, one for each column of each matrix. */
  readonly sizes: Float64Array;
  /** The start `[...batch, n, k]`, scaled; `undefined` for 0. */
  readonly start?: Tensor;
  /**
   * The solution as it will be once it is restored, still scaled, where it loses digits by that because its elements become subnormal; `undefined`
   * where it loses none. Its residual is another one.
   */
  rounded(x: Tensor): Promise<Tensor | undefined>;
  /** The solution in the shape and scale of what was given. */
  restore(x: Tensor): Promise<Tensor>;
  /** Frees what was made. */
  dispose(): void;
}

/** Reads the parts of a system. Throws a `TypeError` where they do not fit and a `RangeError` if an element is not finite. */
export async function readScaled(
  given: MatrixLike,
  b: Tensor,
  x0: Tensor | undefined,
  operation: string,
  { square = true } = {},
): Promise<ScaledSystem> {
  if (!(b instanceof Tensor)) throw new TypeError(`Expected a tensor for the right-hand side, got ${typeof b}`);
  requireFloat(b, operation);
  const a = actionOf(given, operation, b.dtype as FloatType), { rows: m, columns: n, batch, device, dtype } = a;
  if (square && m !== n) {
    throw new TypeError(`Expected a square matrix for ${operation}, got ${showShape([...batch, m, n])}`);
  }
  if (b.device !== device || b.dtype !== dtype) {
    const show = (d: { info: { name: string } }, t: string) => `${t} on ${d.info.name}`;
    throw new TypeError(
      `Cannot compute ${operation} of ${show(device, dtype)} for ${show(b.device, b.dtype)}: ` +
        "expected one device and element type",
    );
  }
  const vector = b.rank === 1;
  if (b.rank < 1 || b.shape.at(vector ? -1 : -2) !== m) {
    throw new TypeError(
      `Cannot compute ${operation} of ${showShape([...batch, m, n])} for ${showShape(b.shape)}: ` +
        `expected [${m}] or [..., ${m}, k]`,
    );
  }
  const k = vector ? 1 : b.shape.at(-1)!, leading = vector ? [] : b.shape.slice(0, -2);
  if (leading.length > batch.length || broadcastShapes({ a: batch, b: leading }).join() !== batch.join()) {
    throw new TypeError(`Cannot spread right-hand sides ${showShape(b.shape)} over matrices ${showShape(batch)}`);
  }
  const count = sizeOf(batch), own = vector && batch.length === 0 ? [n] : [...batch, n, ...(vector ? [] : [k])];
  if (x0 && (!(x0 instanceof Tensor) || x0.shape.join() !== own.join() || x0.dtype !== dtype || x0.device !== device)) {
    const got = x0 instanceof Tensor ? `${showShape(x0.shape)} ${x0.dtype}` : typeof x0;
    throw new TypeError(`Expected "x0" to be ${showShape(own)} ${dtype} on the device of the matrix, got ${got}`);
  }
  const [largest] = await Promise.all([
    m * k * count === 0
      ? new Float64Array(count * k)
      : runScope(async () =>
        await toHost(Tensor.reduce("max", "abs(x)", { x: columnsOf(b, vector, [...batch, m, k]) }, -2))
      ),
    a.matrix && requireFinite(a.matrix, `${operation}: an element of the matrix`),
    x0 && requireFinite(x0, `${operation}: an element of "x0"`),
  ]);
  if (!largest.every(Number.isFinite)) {
    throw new RangeError(`Cannot compute ${operation}: an element of the right-hand sides is not finite`);
  }
  // Powers of two change no digits, and are kept where their inverse is a normal number too.
  const scales = largest.map((x) => x === 0 ? 1 : 2 ** Math.max(-120, Math.min(120, Math.floor(Math.log2(x)))));
  const up = fromHost(device, scales, [...batch, 1, k], dtype);
  const { scaled, start, size } = await runScope(() => {
    const scaled = computed(Tensor.map("b / s", { b: columnsOf(b, vector, [...batch, m, k]), s: up }));
    const start = x0 && computed(
      // A right-hand side of zeros has the solution 0, exactly.
      Tensor.map("m == 0 ? 0 : x / s", {
        x: columnsOf(x0, vector, [...batch, n, k]),
        s: up,
        m: fromHost(device, largest, [...batch, 1, k], dtype),
      }),
    );
    return { scaled, size: norms(scaled), ...(start && { start }) };
  });
  const sizes = k * count === 0 ? new Float64Array(0) : await toHost(size);
  size.dispose();
  return {
    a,
    b: scaled,
    sizes,
    ...(start && { start }),
    async rounded(x) {
      // Of larger scales no element is lost that would count.
      if (dtype === "f64" || !scales.some((s) => s < 2 ** -40)) return undefined;
      using small = computed(Tensor.map("x * s", { x, s: up }));
      const kept = computed(Tensor.map("x / s", { x: small, s: up }));
      using same = Tensor.reduce("all", "x == y", { x, y: kept });
      if (!await same.item()) return kept;
      kept.dispose();
    },
    async restore(x) {
      using whole = computed(Tensor.map("x * s", { x, s: up }));
      await requireFinite(whole, `${operation}: an element of the solution`);
      return whole.reshape(own);
    },
    dispose() {
      for (const t of [up, scaled, start]) t?.dispose();
    },
  };
}

/** The start of the iterations: a copy, or zeros. */
export function startOf({ a, b, start }: ScaledSystem): Tensor {
  return start ? start.slice() : zeros(a.device, [...a.batch, a.columns, b.shape.at(-1)!], a.dtype);
}

/** Refuses a tensor with elements that are not finite. */
export async function requireFinite(t: Tensor, what: string): Promise<void> {
  if (t.size === 0) return;
  using finite = Tensor.reduce("all", "isfinite(x)", { x: t });
  if (!await finite.item()) throw new RangeError(`Cannot compute ${what} is not finite`);
}

function columnsOf(t: Tensor, vector: boolean, shape: readonly number[]): Tensor {
  if (!vector) return t.broadcastTo(shape);
  return t.expandDims(t.rank).broadcastTo(shape);
}
