import { byteSize, type Device, DisposedError, type DType, type TypedArray, typedView } from "../device/mod.ts";
import { type Expr, leaves, size } from "../formula/mod.ts";
import { type Formula, toExpr } from "../ops/formulas.ts";
import { opNamed } from "../ops/registry.ts";
import { run } from "../ops/run.ts";
import { gather } from "../ops/run_loops.ts";
import { broadcastShapes, denseStrides, isDense, type Operand, showShape, sizeOf, type Value } from "../ops/value.ts";
import type { Reduction } from "../ops/reducers.ts";
import { normalizeAxes, normalizeAxis } from "./axes.ts";
import { tensorCalculus } from "./calculus.ts";
import { checkNumbers, delayedMap, makeRoom, usedInputs } from "./elementwise.ts";
import { fuse, realize, typesOfInputs, withOperands } from "./fuse.ts";
import { isTracked, record } from "./grad/record.ts";
import { linearRule, opRule } from "./grad/rules.ts";
import type { Tracks } from "./grad/trace.ts";
import { unslice } from "./grad/unslice.ts";
import { fromNested, type NestedArray, toNested } from "./nested.ts";
import { currentScope } from "./scope.ts";
import { tensorBundle, tensorText } from "./show.ts";
import { type Input, Source, type View } from "./source.ts";
import { broadcastView, permuteView, type Range, reshapeView, resolveShape, sliceView } from "./views.ts";

/** What tensor methods take beside tensors: numbers join as scalars. */
export type TensorLike = Tensor | number | boolean;

/** Options of reductions. */
export interface ReduceOptions {
  /** Keeps reduced axes with size 1. Default false. */
  keepDims?: boolean;
}

/** One axis, several, or all (absent or `null`); negative axes count from the end. */
export type Axis = number | readonly number[] | null;

/** Frees the sources of tensors that were dropped without `dispose`; a late backstop, see `gpu.memory()`. */
const dropped = new FinalizationRegistry<Source>((source) => source.release());

/**
 * An n-dimensional array on a device: immutable, row-major, with NumPy's broadcasting. Methods return at once; elementwise work is
 * put off and fused into what consumes it; only reading (`data`, `array`, `item`) waits.
 *
 * @example
 * ```ts
 * import { open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.tensor([[1, 2], [3, 4]]);
 * console.log(await x.mul(2).sum(1).array()); // [6, 14]
 * ```
 */
export class Tensor {
  #source: Source;
  #view: View | undefined;
  #disposed = false;
  #tracks: Tracks | undefined;

  /** Makes a handle that takes over one reference to `source`. For code inside the library; users call `gpu.tensor`. */
  constructor(source: Source, view?: View) {
    this.#source = source;
    this.#view = view;
    dropped.register(this, source, this);
    currentScope()?.add(this);
  }

  /** Sizes of the axes. */
  get shape(): readonly number[] {
    return (this.#view ?? this.#source).shape;
  }

  /** Element type. */
  get dtype(): DType {
    return this.#source.dtype;
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** The device that holds it. */
  get device(): Device {
    return this.#source.device;
  }

  /** True after `dispose`. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** Lets go of the memory now. Results already derived from this tensor stay valid. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    dropped.unregister(this);
    currentScope()?.delete(this);
    this.#source.release();
    if (this.#tracks) this.tracks = undefined;
  }

  /** `using t = …` disposes of it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #use(): Source {
    if (this.#disposed) {
      throw new DisposedError(`Cannot use a tensor of shape ${showShape(this.shape)} after it was disposed of`);
    }
    return this.#source;
  }

  // ------------------------------------------------------------------------------------------------ inside the library

  /**
   * This tensor as an input of delayed work.
   *
   * @internal
   */
  get input(): Input {
    return { source: this.#use(), view: this.#view };
  }

  /** This tensor as a strided view of memory, computed now if it was put off. The tensor keeps owning the memory. */
  get value(): Value {
    const value = realize(this.#use());
    return this.#view ? { ...value, ...this.#view } : value;
  }

  /**
   * What it carries while it is differentiated. Setting it disposes of tangents that are replaced.
   *
   * @internal
   */
  get tracks(): Tracks | undefined {
    return this.#tracks;
  }
  set tracks(tracks: Tracks | undefined) {
    const { tangents } = this.#tracks ?? {};
    this.#tracks = tracks;
    for (const [level, tangent] of tangents ?? []) if (tracks?.tangents?.get(level) !== tangent) tangent.dispose();
  }

  /**
   * Another handle of the same memory, in no scope, that carries what is given.
   *
   * @internal
   */
  share(tracks?: Tracks): Tensor {
    const source = this.#use();
    source.retain();
    const handle = new Tensor(source, this.#view);
    currentScope()?.delete(handle);
    if (tracks) {
      const tangents = tracks.tangents && new Map([...tracks.tangents].map(([level, t]) => [level, t.share(t.tracks)]));
      handle.#tracks = { ...tracks, tangents };
    }
    return handle;
  }

  /** A tensor that takes over a value. */
  static from(value: Value): Tensor {
    return new Tensor(new Source(value.device, value.shape, value.dtype, value));
  }

  /** A tensor with a copy of host data: what methods use that are given tensors and no `gpu`. */
  static of(device: Device, data: TypedArray, shape: readonly number[], dtype: DType = "f32"): Tensor {
    return upload(device, data, shape, dtype);
  }

  /** Elementwise formula over named tensors and numbers; see `gpu.map`. */
  static map(formula: Formula, inputs: Readonly<Record<string, TensorLike>>, dtype?: DType, device?: Device): Tensor {
    const found = deviceOf(inputs, device);
    const out = new Tensor(delayedMap(found, formula, toInputs(inputs), dtype));
    if (isTracked(inputs)) recordFormula("map", { out: { formula, dtype } }, formula, inputs, out);
    return out;
  }

  /** Reduction of a formula over named tensors and numbers; see `gpu.reduce`. */
  static reduce(
    reduction: Reduction,
    formula: Formula,
    inputs: Readonly<Record<string, TensorLike>>,
    axis?: Axis,
    options: ReduceOptions = {},
    device?: Device,
  ): Tensor {
    const found = deviceOf(inputs, device);
    const expr = toExpr(formula), raw = usedInputs(expr, toInputs(inputs));
    const types = typesOfInputs(raw);
    checkNumbers(expr, raw, types);
    const shapes = Object.entries(types).flatMap(([n, t]) => t ? [[n, t.shape] as const] : []);
    const axes = normalizeAxes(axis, broadcastShapes(Object.fromEntries(shapes)));
    const params = { reduction, axes, keepDims: options.keepDims };
    const out = Tensor.#ofFormula(found, "reduce", expr, raw, params);
    if (isTracked(inputs)) recordFormula("reduce", { ...params, formula: expr }, expr, inputs, out);
    return out;
  }

  /** Runs an op whose parameter `formula` absorbs delayed inputs. */
  static #ofFormula(device: Device, name: string, expr: Expr, raw: Record<string, Input>, params: object): Tensor {
    const op = opNamed(name), { dtype } = op.contract(typesOfInputs(raw), { ...params, formula: expr }).out;
    makeRoom(expr, raw);
    let { expr: formula, inputs: read } = fuse(expr, raw);
    // What was absorbed may have another dtype than its result has: then it is computed first.
    const absorbed = size(formula) > size(expr);
    if (absorbed && op.contract(typesOfInputs(read), { ...params, formula }).out.dtype !== dtype) {
      [formula, read] = [expr, raw];
    }
    return Tensor.from(withOperands(read, (values) => run(device, op, values, { ...params, formula }).out));
  }

  /** Runs an op of the registry on named tensors and numbers. */
  static apply(
    op: string,
    inputs: Readonly<Record<string, TensorLike>>,
    params: object,
    device?: Device,
  ): Record<string, Tensor> {
    const found = deviceOf(inputs, device);
    const values: Record<string, Operand> = {};
    for (const [name, v] of Object.entries(inputs)) values[name] = v instanceof Tensor ? v.value : Number(v);
    const outputs = run(found, opNamed(op), values, params);
    const made = Object.fromEntries(Object.entries(outputs).map(([name, v]) => [name, Tensor.from(v)]));
    if (isTracked(inputs)) record(opRule(op, params), inputs, made);
    return made;
  }

  #unary(formula: string): Tensor {
    return Tensor.map(formula, { x: this });
  }

  #binary(formula: string, other: TensorLike): Tensor {
    return Tensor.map(formula, { x: this, y: other });
  }

  #reduce(reduction: Reduction, axis?: Axis, options?: ReduceOptions): Tensor {
    return Tensor.reduce(reduction, "x", { x: this }, axis, options);
  }

  #viewed(change: (view: View) => View): Tensor {
    const value = this.value, source = this.#use();
    const view = change({ shape: value.shape, strides: value.strides, offset: value.offset });
    source.retain();
    return new Tensor(source, view);
  }

  /** Records that `out` was made of this tensor by a linear map, given with its adjoint. */
  #linear(name: string, out: Tensor, apply: (x: Tensor) => Tensor, adjoint: (g: Tensor) => Tensor): Tensor {
    if (this.#tracks) record(linearRule(name, apply, adjoint), { x: this }, { out });
    return out;
  }

  // ------------------------------------------------------------------------------------------------ reading

  /** The elements in row-major order, as a typed array of the dtype (`Uint32Array` of 0 and 1 for `bool`). */
  async data(): Promise<TypedArray> {
    const value = this.value, n = sizeOf(value.shape), bytes = byteSize(value.dtype);
    if (n === 0) {
      await value.device.sync();
      return typedView(value.dtype, new ArrayBuffer(0));
    }
    // A strided view is packed on the device, so that no more than its elements travel.
    const source = this.#use();
    source.retain();
    try {
      if (isDense(value)) {
        return typedView(value.dtype, await value.device.read(value.storage, value.offset * bytes, n * bytes));
      }
      if (value.storage.onHost) {
        const out = typedView(value.dtype, new ArrayBuffer(n * bytes));
        gather(value.storage.view(value.dtype), value, out);
        await value.device.sync();
        return out;
      }
      const { out } = run(value.device, opNamed("map"), { x: value }, { out: { formula: "x", dtype: value.dtype } });
      try {
        return typedView(value.dtype, await value.device.read(out.storage, 0, n * bytes));
      } finally {
        out.storage.release();
      }
    } finally {
      source.release();
    }
  }

  /** The elements as nested arrays: `[[1, 2], [3, 4]]`; a number (or boolean) for rank 0. */
  async array(): Promise<NestedArray> {
    return toNested(await this.data(), this.shape, this.dtype === "bool");
  }

  /** The only element. Throws a `TypeError` if there are more. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new TypeError(`Expected one element, got the shape ${showShape(this.shape)}`);
    return (await this.data())[0];
  }

  // ------------------------------------------------------------------------------------------------ arithmetic

  /** x + y. */
  add(y: TensorLike): Tensor {
    return this.#binary("x + y", y);
  }
  /** x − y. */
  sub(y: TensorLike): Tensor {
    return this.#binary("x - y", y);
  }
  /** x · y, elementwise. */
  mul(y: TensorLike): Tensor {
    return this.#binary("x * y", y);
  }
  /** x / y; integers give f32. */
  div(y: TensorLike): Tensor {
    return this.#binary("x / y", y);
  }
  /** Remainder with the sign of the divisor, as in Python. */
  mod(y: TensorLike): Tensor {
    return this.#binary("x % y", y);
  }
  /** xʸ. A small whole exponent becomes products. */
  pow(y: TensorLike): Tensor {
    if (typeof y === "number" && Number.isInteger(y) && Math.abs(y) <= 8) {
      return this.#unary(`x ^ ${y < 0 ? `(${y})` : y}`);
    }
    return this.#binary("x ^ y", y);
  }
  /** −x. */
  neg(): Tensor {
    return this.#unary("-x");
  }
  /** |x|. */
  abs(): Tensor {
    return this.#unary("abs(x)");
  }
  /** −1, 0 or 1. */
  sign(): Tensor {
    return this.#unary("sign(x)");
  }
  /** x². */
  square(): Tensor {
    return this.#unary("x^2");
  }
  /** √x; NaN for negative x. */
  sqrt(): Tensor {
    return this.#unary("sqrt(x)");
  }
  /** 1/√x. */
  rsqrt(): Tensor {
    return this.#unary("rsqrt(x)");
  }
  /** 1/x. */
  reciprocal(): Tensor {
    return this.#unary("1 / x");
  }
  /** eˣ. */
  exp(): Tensor {
    return this.#unary("exp(x)");
  }
  /** eˣ − 1, accurate near 0. */
  expm1(): Tensor {
    return this.#unary("expm1(x)");
  }
  /** Natural logarithm. */
  log(): Tensor {
    return this.#unary("log(x)");
  }
  /** log(1 + x), accurate near 0. */
  log1p(): Tensor {
    return this.#unary("log1p(x)");
  }
  /** Sine of radians. */
  sin(): Tensor {
    return this.#unary("sin(x)");
  }
  /** Cosine of radians. */
  cos(): Tensor {
    return this.#unary("cos(x)");
  }
  /** Tangent of radians. */
  tan(): Tensor {
    return this.#unary("tan(x)");
  }
  /** Hyperbolic tangent. */
  tanh(): Tensor {
    return this.#unary("tanh(x)");
  }
  /** 1/(1 + e⁻ˣ). */
  sigmoid(): Tensor {
    return this.#unary("sigmoid(x)");
  }
  /** max(x, 0). */
  relu(): Tensor {
    return this.#unary("relu(x)");
  }
  /** x·Φ(x), exact. */
  gelu(): Tensor {
    return this.#unary("gelu(x)");
  }
  /** x·sigmoid(x). */
  silu(): Tensor {
    return this.#unary("silu(x)");
  }
  /** log(1 + eˣ). */
  softplus(): Tensor {
    return this.#unary("softplus(x)");
  }
  /** Error function. */
  erf(): Tensor {
    return this.#unary("erf(x)");
  }
  /** Largest whole number not above x. */
  floor(): Tensor {
    return this.#unary("floor(x)");
  }
  /** Smallest whole number not below x. */
  ceil(): Tensor {
    return this.#unary("ceil(x)");
  }
  /** Nearest whole number, halves to even. */
  round(): Tensor {
    return this.#unary("round(x)");
  }
  /** The larger of x and y; NaN if either is. */
  maximum(y: TensorLike): Tensor {
    return this.#binary("max(x, y)", y);
  }
  /** The smaller of x and y; NaN if either is. */
  minimum(y: TensorLike): Tensor {
    return this.#binary("min(x, y)", y);
  }
  /** x held between `low` and `high`. */
  clamp(low: TensorLike, high: TensorLike): Tensor {
    return Tensor.map("clamp(x, low, high)", { x: this, low, high });
  }

  // ------------------------------------------------------------------------------------------------ comparison

  /** x = y. */
  equal(y: TensorLike): Tensor {
    return this.#binary("x == y", y);
  }
  /** x ≠ y; true for NaN. */
  notEqual(y: TensorLike): Tensor {
    return this.#binary("x != y", y);
  }
  /** x < y. */
  less(y: TensorLike): Tensor {
    return this.#binary("x < y", y);
  }
  /** x ≤ y. */
  lessEqual(y: TensorLike): Tensor {
    return this.#binary("x <= y", y);
  }
  /** x > y. */
  greater(y: TensorLike): Tensor {
    return this.#binary("x > y", y);
  }
  /** x ≥ y. */
  greaterEqual(y: TensorLike): Tensor {
    return this.#binary("x >= y", y);
  }
  /** Both nonzero. */
  logicalAnd(y: TensorLike): Tensor {
    return this.#binary("x && y", y);
  }
  /** At least one nonzero. */
  logicalOr(y: TensorLike): Tensor {
    return this.#binary("x || y", y);
  }
  /** Zero. */
  logicalNot(): Tensor {
    return this.#unary("!x");
  }
  /** NaN. */
  isNaN(): Tensor {
    return this.#unary("isnan(x)");
  }
  /** Neither NaN nor infinite. */
  isFinite(): Tensor {
    return this.#unary("isfinite(x)");
  }
  /** Where this is nonzero, `yes`, else `no`. */
  where(yes: TensorLike, no: TensorLike): Tensor {
    return Tensor.map("c ? yes : no", { c: this, yes, no });
  }
  /**
   * The same values in another dtype. Floats are truncated towards zero when they become integers; those that the integers cannot
   * hold, NaN among them, give a value that depends on the device. What is not zero, NaN too, becomes `true`.
   */
  astype(dtype: DType): Tensor {
    return dtype === "bool" ? this.#unary("x != 0") : Tensor.map("x", { x: this }, dtype);
  }

  // ------------------------------------------------------------------------------------------------ reductions

  /** Sum over axes. */
  sum(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce("sum", axis, options);
  }
  /** Mean over axes. */
  mean(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce("mean", axis, options);
  }
  /** Product over axes. */
  prod(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce("prod", axis, options);
  }
  /** Maximum over axes; NaN if there is one. */
  max(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce("max", axis, options);
  }
  /** Minimum over axes; NaN if there is one. */
  min(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce("min", axis, options);
  }
  /** Position (i32) of the first maximum along an axis, or in row-major order. */
  argmax(axis?: number | null, options?: ReduceOptions): Tensor {
    return this.#reduce("argmax", axis, options);
  }
  /** Position (i32) of the first minimum along an axis, or in row-major order. */
  argmin(axis?: number | null, options?: ReduceOptions): Tensor {
    return this.#reduce("argmin", axis, options);
  }
  /** log Σ exp over axes, without overflow. */
  logsumexp(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce("logsumexp", axis, options);
  }
  /** Whether any element is nonzero. */
  any(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce("any", axis, options);
  }
  /** Whether all elements are nonzero. */
  all(axis?: Axis, options?: ReduceOptions): Tensor {
    return this.#reduce("all", axis, options);
  }
  /** Variance over axes, by the two-pass formula; the divisor is n − `ddof` (default 0). */
  variance(axis?: Axis, options: ReduceOptions & { ddof?: number } = {}): Tensor {
    const axes = normalizeAxes(axis, this.shape), n = sizeOf(axes.map((a) => this.shape[a]));
    const ddof = options.ddof ?? 0;
    if (n - ddof <= 0) throw new RangeError(`Cannot take the variance of ${n} elements with ddof ${ddof}`);
    return this.#widened((x) => {
      using mean = x.mean(axes, { keepDims: true });
      using total = Tensor.reduce("sum", "(x - m)^2", { x, m: mean }, axes, options);
      return Tensor.map("s / n", { s: total, n: n - ddof });
    });
  }
  /** Standard deviation over axes; see `variance`. */
  std(axis?: Axis, options: ReduceOptions & { ddof?: number } = {}): Tensor {
    return this.#widened((x) => {
      using variance = x.variance(axis, options);
      return variance.sqrt();
    });
  }
  /** Vector norm over axes: 2 (default), 1 or `Infinity`. */
  norm(axis?: Axis, options: ReduceOptions & { ord?: 1 | 2 | number } = {}): Tensor {
    const { ord = 2 } = options;
    if (ord !== 1 && ord !== 2 && ord !== Infinity) {
      throw new RangeError(`Expected "ord" to be 1, 2 or Infinity, got ${ord}`);
    }
    return this.#widened((x) => {
      if (ord === 1) return Tensor.reduce("sum", "abs(x)", { x }, axis, options);
      if (ord === Infinity) return Tensor.reduce("max", "abs(x)", { x }, axis, options);
      using squares = Tensor.reduce("sum", "x^2", { x }, axis, options);
      return squares.sqrt();
    });
  }
  /** exp(x) / Σ exp(x) along an axis (default the last), in one pass over memory. NaN where Σ exp(x) is 0, +∞ or NaN. */
  softmax(axis = -1): Tensor {
    return this.#softmax(axis, false);
  }
  /** x − log Σ exp(x) along an axis (default the last); see `softmax`. */
  logSoftmax(axis = -1): Tensor {
    return this.#softmax(axis, true);
  }
  #softmax(axis: number, log: boolean): Tensor {
    const params = { axis: normalizeAxis(axis, this.rank, this.shape), log };
    const formula = toExpr("x"), inputs = { x: this };
    const out = Tensor.#ofFormula(this.device, "softmax", formula, toInputs(inputs), params);
    if (this.#tracks) recordFormula("softmax", { ...params, formula }, formula, inputs, out);
    return out;
  }
  /** What `fn` makes of this tensor in f32: its partial results would overflow integers and lose digits in f16. */
  #widened(fn: (x: Tensor) => Tensor): Tensor {
    if (this.dtype === "f32" || this.dtype === "f64") return fn(this);
    using wide = this.astype("f32");
    if (this.dtype !== "f16") return fn(wide);
    using result = fn(wide);
    return result.astype("f16");
  }

  // ------------------------------------------------------------------------------------------------ products

  /**
   * Matrix product `[..., m, k] · [..., k, n] → [..., m, n]` with broadcast leading axes; a vector on the left is a row, on the right
   * a column, and its axis is left out of the result.
   */
  matmul(other: Tensor): Tensor {
    if (!(other instanceof Tensor)) throw new TypeError(`Expected a tensor to multiply by, got ${typeof other}`);
    deviceOf({ x: this, other });
    const a = this.rank === 1 ? this.reshape([1, this.shape[0]]) : this;
    const b = other.rank === 1 ? other.reshape([other.shape[0], 1]) : other;
    try {
      if (this.rank === 0 || other.rank === 0) {
        throw new TypeError(
          `Cannot multiply ${showShape(this.shape)} by ${showShape(other.shape)}: use mul for scalars`,
        );
      }
      const types = { a: { shape: a.shape, dtype: a.dtype }, b: { shape: b.shape, dtype: b.dtype } };
      const { out } = opNamed("matmul").contract(types, {});
      // Computed now: a chain of delayed products would be as deep as it is long.
      for (const t of [a, b]) realize(t.#use());
      const work = { kind: "matmul", a: a.input, b: b.input, transposeA: false, transposeB: false } as const;
      const product = new Tensor(new Source(this.device, out.shape, out.dtype, work));
      if (isTracked({ a, b })) record(opRule("matmul", {}), { a, b }, { out: product });
      if (a === this && b === other) return product;
      const shape = [...out.shape];
      if (b !== other) shape.pop();
      if (a !== this) shape.splice(shape.length - (b !== other ? 1 : 2), 1);
      const flat = product.reshape(shape);
      product.dispose();
      return flat;
    } finally {
      if (a !== this) a.dispose();
      if (b !== other) b.dispose();
    }
  }

  // ------------------------------------------------------------------------------------------------ shape

  /** The same elements under another shape; one size may be −1. */
  reshape(shape: readonly number[]): Tensor {
    const full = resolveShape(shape, this.size, this.shape);
    const shaped = this.#reshaped(full);
    return this.#linear("reshape", shaped, (x) => x.reshape(full), (g) => g.reshape(this.shape));
  }
  #reshaped(shape: readonly number[]): Tensor {
    const value = this.value, view = reshapeView(value, shape);
    if (view) return this.#viewed(() => view);
    const { out } = run(value.device, opNamed("map"), { x: value }, { out: { formula: "x", dtype: value.dtype } });
    return Tensor.from({ ...out, ...reshapeView(out, shape)! });
  }
  /** All elements in one axis. */
  flatten(): Tensor {
    return this.reshape([this.size]);
  }
  /** Axes in another order; default reversed. */
  transpose(axes?: readonly number[]): Tensor {
    const order = axes?.map((a) => normalizeAxis(a, this.rank, this.shape)) ?? [...this.shape.keys()].reverse();
    const inverse = order.map((_, k) => order.indexOf(k));
    const turned = this.#viewed((view) => permuteView(view, order));
    return this.#linear("transpose", turned, (x) => x.transpose(order), (g) => g.transpose(inverse));
  }
  /** The last two axes swapped. */
  get T(): Tensor {
    if (this.rank < 2) throw new TypeError(`Expected a matrix, got the shape ${showShape(this.shape)}`);
    const order = [...this.shape.keys()];
    [order[this.rank - 2], order[this.rank - 1]] = [this.rank - 1, this.rank - 2];
    return this.transpose(order);
  }
  /** A part of each axis, as a view: an index, `[start, stop, step]` or `null` (all) per axis. */
  slice(...ranges: Range[]): Tensor {
    const part = this.#viewed((view) => sliceView(view, ranges));
    return this.#linear("slice", part, (x) => x.slice(...ranges), (g) => unslice(g, this.shape, ranges));
  }
  /** One element of the first axis (negative from the end). */
  at(index: number): Tensor {
    return this.slice(index);
  }
  /** The axis in reverse, as a view. */
  flip(axis = 0): Tensor {
    const k = normalizeAxis(axis, this.rank, this.shape);
    return this.slice(...this.shape.map((_, a): Range => a === k ? [null, null, -1] : null));
  }
  /** A new axis of size 1 before `axis`. */
  expandDims(axis: number): Tensor {
    const k = normalizeAxis(axis, this.rank + 1, this.shape);
    return this.reshape([...this.shape.slice(0, k), 1, ...this.shape.slice(k)]);
  }
  /** Without axes of size 1 (all of them, or those given). */
  squeeze(axis?: Axis): Tensor {
    const axes = axis === undefined || axis === null
      ? [...this.shape.keys()].filter((k) => this.shape[k] === 1)
      : normalizeAxes(axis, this.shape);
    const other = axes.find((k) => this.shape[k] !== 1);
    if (other !== undefined) throw new TypeError(`Cannot squeeze axis ${other} of size ${this.shape[other]}`);
    return this.reshape(this.shape.filter((_, k) => !axes.includes(k)));
  }
  /** Repeated along axes of size 1 and new leading axes, as a view. */
  broadcastTo(shape: readonly number[]): Tensor {
    const wide = this.#viewed((view) => broadcastView(view, shape));
    return this.#linear("broadcastTo", wide, (x) => x.broadcastTo(shape), (g) => {
      return tensorCalculus(this.device).unbroadcast(g, this.shape);
    });
  }
  /** Elements at positions along an axis (default 0): the axis is replaced by the positions' shape. Negative count from the end. */
  take(indices: Tensor | readonly number[], axis = 0): Tensor {
    const k = normalizeAxis(axis, this.rank, this.shape), size = this.shape[k];
    if (indices instanceof Tensor) return Tensor.apply("gather", { x: this, indices }, { axis: k }).out;
    const bad = indices.find((i) => !Number.isInteger(i) || i < -size || i >= size);
    if (bad !== undefined) {
      throw new RangeError(`Index ${bad} is out of range for axis ${k} of the shape ${showShape(this.shape)}`);
    }
    const made = fromNested(indices, undefined, "i32");
    using positions = upload(this.device, made.data, made.shape, "i32", "indices");
    return Tensor.apply("gather", { x: this, indices: positions }, { axis: k }).out;
  }
  /**
   * The elements in order along an axis (default: the last): the smallest first, or the largest where `descending`. Equal elements keep their
   * order, and NaN comes last in both directions.
   */
  sort(axis = -1, options: { descending?: boolean } = {}): Tensor {
    const { out, positions } = this.#sorted(axis, options.descending);
    positions.dispose();
    return out;
  }
  /** Positions (i32) of the elements in the order of `sort`. */
  argsort(axis = -1, options: { descending?: boolean } = {}): Tensor {
    const { out, positions } = this.#sorted(axis, options.descending);
    out.dispose();
    return positions;
  }
  /** The k largest elements along an axis (default: the last), largest first, and their positions (i32). NaN counts as the least. */
  topk(k: number, axis = -1): { values: Tensor; positions: Tensor } {
    const at = normalizeAxis(axis, this.rank, this.shape);
    if (!Number.isInteger(k) || k < 0 || k > this.shape[at]) {
      throw new RangeError(`Expected k from 0 to the size ${this.shape[at]} of axis ${at}, got ${k}`);
    }
    const { out, positions } = this.#sorted(at, true);
    const ranges: Range[] = this.shape.map((_, q) => q === at ? [0, k] : null);
    const best = { values: out.slice(...ranges), positions: positions.slice(...ranges) };
    out.dispose();
    positions.dispose();
    return best;
  }
  /** Sorted along an axis, with the positions. */
  #sorted(axis: number, descending = false): { out: Tensor; positions: Tensor } {
    const last = this.rank - 1, k = normalizeAxis(axis, this.rank, this.shape);
    const sort = (x: Tensor) => Tensor.apply("sort", { x }, { descending }) as { out: Tensor; positions: Tensor };
    if (k === last) return sort(this);
    const axes = this.shape.map((_, q) => q === k ? last : q === last ? k : q);
    using turned = this.transpose(axes);
    const found = sort(turned), back = { out: found.out.transpose(axes), positions: found.positions.transpose(axes) };
    found.out.dispose();
    found.positions.dispose();
    return back;
  }
  /** With `updates` added at positions along the first axis; positions that repeat add up. */
  scatterAdd(indices: Tensor, updates: Tensor): Tensor {
    return Tensor.apply("scatterAdd", { x: this, indices, updates }, { axis: 0 }).out;
  }

  // ------------------------------------------------------------------------------------------------ showing

  /** Shape, dtype and where it is: `Tensor [2, 3] f32 on llvmpipe`. Values need waiting: `console.log(await t.array())`. */
  toString(): string {
    return `Tensor ${showShape(this.shape)} ${this.dtype} on ${this.device.info.name}${
      this.#disposed ? " (disposed)" : ""
    }`;
  }
  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }
  /** Shape, dtype and a corner of the numbers, as text. */
  async show(): Promise<string> {
    return tensorText(this, await this.data());
  }
  /** What a notebook shows: shape, dtype, a corner of the numbers, and a small heatmap of a matrix. */
  async [Symbol.for("Jupyter.display")](): Promise<Record<string, string>> {
    return tensorBundle(this, await this.data());
  }
}

/** Records a call of an op whose formula reads only some of the inputs. */
function recordFormula(
  name: string,
  params: object,
  formula: Formula,
  inputs: Readonly<Record<string, TensorLike>>,
  out: Tensor,
): void {
  const used: Record<string, TensorLike> = Object.create(null);
  for (const id of leaves(toExpr(formula)).names) if (id in inputs) used[id] = inputs[id];
  record(opRule(name, params), used, { out });
}

/** A tensor with a copy of host data. */
export function upload(
  device: Device,
  data: TypedArray,
  shape: readonly number[],
  dtype: DType,
  label = "tensor",
): Tensor {
  return Tensor.from({
    device,
    storage: device.upload(data, label),
    dtype,
    shape,
    strides: denseStrides(shape),
    offset: 0,
  });
}

/** The one device of the tensors among the inputs. */
export function deviceOf(inputs: Readonly<Record<string, TensorLike>>, otherwise?: Device): Device {
  let found = otherwise, owner = "this call";
  for (const [name, v] of Object.entries(inputs)) {
    if (!(v instanceof Tensor)) {
      if (typeof v !== "number" && typeof v !== "boolean") {
        throw new TypeError(`Expected "${name}" to be a tensor or a number, got ${v === null ? "null" : typeof v}`);
      }
      continue;
    }
    if (found && v.device !== found) {
      throw new TypeError(`Cannot mix devices: "${name}" is on ${v.device.info.name}, ${owner} on ${found.info.name}`);
    }
    found = v.device;
    owner = `"${name}"`;
  }
  if (!found) throw new TypeError("Expected at least one tensor among the inputs");
  return found;
}

/** Tensors and numbers as inputs of delayed work. */
export function toInputs(inputs: Readonly<Record<string, TensorLike>>): Record<string, Input> {
  const out: Record<string, Input> = Object.create(null);
  for (const name in inputs) {
    const v = inputs[name];
    out[name] = v instanceof Tensor ? v.input : Number(v);
  }
  return out;
}
