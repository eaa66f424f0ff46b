import {
  type Device,
  type DeviceInfo,
  type DType,
  type MemoryReport,
  openDevice,
  type OpenOptions,
  type TypedArray,
  typedArray,
} from "../device/mod.ts";
import { check, leaves, nearest } from "../formula/mod.ts";
import { type Formula, plainSignature, toExpr } from "../ops/formulas.ts";
import type { PairReduction } from "../ops/pairwise.ts";
import type { Reduction } from "../ops/reducers.ts";
import { showShape } from "../ops/value.ts";
import { normalizeAxis } from "./axes.ts";
import { requireDType } from "./dtypes.ts";
import { checkNumbers, usedInputs } from "./elementwise.ts";
import { typesOfInputs } from "./fuse.ts";
import { memoryBundle, memoryText } from "./memory_table.ts";
import { checkShape, fromNested, type Nested } from "./nested.ts";
import { type Profile, profileRun } from "./profile.ts";
import { RandomSource } from "./random_source.ts";
import { runScope } from "./scope.ts";
import { Sparse } from "./sparse.ts";
import type { SparseTriplets } from "./sparse_triplets.ts";
import { type Axis, type ReduceOptions, Tensor, type TensorLike, toInputs, upload } from "./tensor.ts";

/** Opens a device and gives the functions that make tensors on it. See {@linkcode OpenOptions} for the choice of device. */
export async function open(options: OpenOptions = {}): Promise<Gpu> {
  return new Gpu(await openDevice(options));
}

/**
 * A device with the functions that make tensors on it. Several can be open at once.
 *
 * @example
 * ```ts
 * import { open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const x = gpu.tensor([[0, 0], [3, 4]]);
 * const far = await gpu.pairwise("max", "dist(x[i], x[j])", { x }).array(); // [5, 5]
 * ```
 */
export class Gpu {
  /** The device underneath. */
  readonly device: Device;
  /** Random tensors: the same bits on every device. */
  readonly random: RandomSource;

  /** Wraps an open device. */
  constructor(device: Device) {
    this.device = device;
    this.random = new RandomSource(device);
  }

  /** What was opened, and why. */
  get info(): DeviceInfo {
    // By descriptors: system libraries are looked for only when they are asked about.
    return Object.defineProperties(
      Object.create(INFO_DISPLAY),
      Object.getOwnPropertyDescriptors(this.device.info),
    ) as DeviceInfo;
  }

  // ------------------------------------------------------------------------------------------------ making tensors

  /**
   * A tensor with a copy of nested arrays, a typed array or a number. Numbers become `f32` and booleans `bool` unless `dtype` says
   * otherwise; a `Float64Array` too becomes `f32` (ask for `f64`, which the CPU device and some adapters have). Throws a `TypeError` on ragged arrays.
   */
  tensor(
    data: Nested | TypedArray | Uint8Array,
    options: { shape?: readonly number[]; dtype?: DType; label?: string } = {},
  ): Tensor {
    if (data instanceof Tensor) throw new TypeError("Expected arrays or numbers, got a tensor");
    if (options.dtype !== undefined) requireDType(this.device, options.dtype);
    const made = fromNested(data, options.shape, options.dtype);
    requireDType(this.device, made.dtype);
    return upload(this.device, made.data, made.shape, made.dtype, options.label);
  }

  /** All zeros. */
  zeros(shape: readonly number[], dtype: DType = "f32"): Tensor {
    return this.full(shape, 0, dtype);
  }

  /** All ones. */
  ones(shape: readonly number[], dtype: DType = "f32"): Tensor {
    return this.full(shape, 1, dtype);
  }

  /** One value everywhere; it takes the memory of one element. */
  full(shape: readonly number[], value: number, dtype: DType = "f32"): Tensor {
    checkShape(shape);
    requireDType(this.device, dtype);
    const data = typedArray(dtype, 1);
    data[0] = dtype === "bool" ? Number(value !== 0) : value;
    using one = upload(this.device, data, [], dtype);
    return one.broadcastTo(shape);
  }

  /** The numbers from `start` (default 0) to `stop`, without it, in steps. Whole ones become `i32` unless `dtype` says otherwise. */
  arange(start: number, stop?: number, step = 1, dtype?: DType): Tensor {
    if (!Number.isFinite(step) || step === 0) throw new RangeError(`Expected a step other than 0, got ${step}`);
    const [first, last] = stop === undefined ? [0, start] : [start, stop];
    if (!Number.isFinite(first) || !Number.isFinite(last)) {
      throw new RangeError(`Expected finite ends, got ${first} and ${last}`);
    }
    const count = Math.max(0, Math.ceil((last - first) / step));
    const own = dtype ?? (Number.isInteger(first) && Number.isInteger(step) ? "i32" : "f32");
    requireDType(this.device, own);
    const data = typedArray(own, count);
    for (let k = 0; k < count; k++) data[k] = first + k * step;
    return upload(this.device, data, [count], own);
  }

  /** `count` numbers at equal distances from `start` to `stop`, both included. */
  linspace(start: number, stop: number, count = 50): Tensor {
    if (!Number.isInteger(count) || count < 0) {
      throw new RangeError(`Expected a whole, non-negative count, got ${count}`);
    }
    const data = Float32Array.from(
      { length: count },
      (_, k) => count === 1 ? start : start + (stop - start) * (k / (count - 1)),
    );
    return upload(this.device, data, [count], "f32");
  }

  /** The identity matrix `[n, m]` (default square). */
  eye(n: number, m: number = n): Tensor {
    checkShape([n, m]);
    const data = new Float32Array(n * m);
    for (let k = 0; k < Math.min(n, m); k++) data[k * m + k] = 1;
    return upload(this.device, data, [n, m], "f32");
  }

  /**
   * A sparse matrix `[n, m]` from triplets in any order; those of one place add up. Places given as numbers must lie in the shape (else a
   * `RangeError`), in tensors those outside are dropped. See {@linkcode Sparse}; `Sparse.fromDense` makes one from a stored matrix.
   */
  sparse(triplets: SparseTriplets): Sparse {
    return Sparse.fromTriplets(this.device, triplets);
  }

  // ------------------------------------------------------------------------------------------------ computing

  /**
   * Elementwise formula over named tensors and numbers with broadcasting: `gpu.map("a * exp(-t / tau)", { a, t, tau: 2 })`. Given an
   * object of formulas, computes them all in one kernel: `gpu.map({ m: "…", v: "…" }, inputs)`.
   */
  map(formula: Formula, inputs: Readonly<Record<string, TensorLike>>): Tensor;
  /** Several formulas over the same inputs, in one kernel. */
  map<K extends string>(
    formulas: Readonly<Record<K, string>>,
    inputs: Readonly<Record<string, TensorLike>>,
  ): Record<K, Tensor>;
  map(
    formula: Formula | Readonly<Record<string, string>>,
    inputs: Readonly<Record<string, TensorLike>>,
  ): Tensor | Record<string, Tensor> {
    if (typeof formula === "string" || "kind" in formula) {
      this.#requireUsed([formula as Formula], inputs);
      return Tensor.map(formula as Formula, inputs, undefined, this.device);
    }
    this.#requireUsed(Object.values(formula), inputs);
    const given = toInputs(inputs);
    const params = Object.fromEntries(
      Object.entries(formula).map(([name, text]) => {
        const expr = toExpr(text);
        const used = usedInputs(expr, given);
        checkNumbers(expr, used, typesOfInputs(used));
        return [name, { formula: expr }];
      }),
    );
    return Tensor.apply("map", inputs, params, this.device);
  }

  /** Reduction of a formula over axes without storing its values: `gpu.reduce("sum", "(x - y)^2", { x, y }, 1)`. */
  reduce(
    reduction: Reduction,
    formula: Formula,
    inputs: Readonly<Record<string, TensorLike>>,
    axis?: Axis,
    options?: ReduceOptions,
  ): Tensor {
    this.#requireUsed([formula], inputs);
    return Tensor.reduce(reduction, formula, inputs, axis, options, this.device);
  }

  /**
   * Streaming reduction over pairs, `out[i] = reduce_j F(x[i], y[j], …)`, without the n×m matrix:
   * `gpu.pairwise("logsumexp", "(g[j] - sqdist(x[i], y[j])) / eps", { x, y, g, eps })`. Tensors of rank 1 have a number, of rank 2 a
   * vector per row. `softmax` averages `value` with weights softmax_j(F).
   */
  pairwise(
    reduction: PairReduction,
    formula: Formula,
    inputs: Readonly<Record<string, TensorLike>>,
    options: { value?: Formula } = {},
  ): Tensor {
    this.#requireUsed([formula, ...(options.value === undefined ? [] : [options.value])], inputs);
    return Tensor.apply("pairwise", inputs, { reduction, formula, ...options }, this.device).out;
  }

  /** A typo in a name would otherwise change the shape of the result without a word. */
  #requireUsed(formulas: readonly Formula[], inputs: Readonly<Record<string, TensorLike>>): void {
    const used = new Set<string>();
    for (const formula of formulas) {
      const found = leaves(toExpr(formula));
      for (const name of found.names) used.add(name);
      for (const element of found.elements) used.add(element.name);
      if (found.elements.length === 0) {
        check(toExpr(formula), plainSignature(Object.keys(inputs)), typeof formula === "string" ? formula : undefined);
      }
    }
    for (const name of Object.keys(inputs)) {
      if (used.has(name)) continue;
      const hint = nearest(name, [...used].filter((u) => !Object.hasOwn(inputs, u)));
      throw new TypeError(`The input "${name}" is not used by the formula${hint ? `, did you mean "${hint}"?` : ""}`);
    }
  }

  /** Where `condition` is nonzero, `yes`, else `no`. */
  where(condition: TensorLike, yes: TensorLike, no: TensorLike): Tensor {
    return Tensor.map("c ? yes : no", { c: condition, yes, no }, undefined, this.device);
  }

  /** Tensors joined along an existing axis (default 0). */
  concatenate(tensors: readonly Tensor[], axis = 0): Tensor {
    if (tensors.length === 0) throw new TypeError("Expected at least one tensor to concatenate");
    const k = normalizeAxis(axis, tensors[0].rank, tensors[0].shape);
    const inputs = Object.fromEntries(tensors.map((t, q) => [`x${q}`, t]));
    return Tensor.apply("concatenate", inputs, { axis: k }, this.device).out;
  }

  /** Tensors of one shape joined along a new axis (default the first). */
  stack(tensors: readonly Tensor[], axis = 0): Tensor {
    const shape = tensors[0]?.shape ?? [];
    const odd = tensors.findIndex((t) => t.shape.length !== shape.length || t.shape.some((s, k) => s !== shape[k]));
    if (odd >= 0) throw new TypeError(`Cannot stack shapes ${showShape(shape)} and ${showShape(tensors[odd].shape)}`);
    const wide = tensors.map((t) => t.expandDims(axis));
    try {
      return this.concatenate(wide, axis);
    } finally {
      for (const t of wide) t.dispose();
    }
  }

  // ------------------------------------------------------------------------------------------------ the device

  /** Runs `fn` and disposes of every tensor made in it, save those it returns. */
  scope<R>(fn: () => R | Promise<R>): Promise<R> {
    return runScope(fn);
  }

  /** Waits for all work so far; throws what went wrong in it. */
  sync(): Promise<void> {
    return this.device.sync();
  }

  /** Runs `fn` and measures every kernel it launches: calls, time, GFLOP/s, GB/s, share of the roofline. */
  profile(fn: () => unknown | Promise<unknown>): Promise<Profile> {
    return profileRun(this.device, fn);
  }

  /** Live, pooled and peak bytes, and what holds them. */
  memory(): MemoryReport & { toString(): string } {
    const report = this.device.ledger.report();
    return Object.assign(
      Object.create({
        toString: () => memoryText(report),
        [Symbol.for("Deno.customInspect")]: () => memoryText(report),
        [Symbol.for("Jupyter.display")]: () => memoryBundle(report),
      }),
      report,
    );
  }

  /** Frees everything. Tensors of this device can no longer be read. */
  close(): void {
    this.device.close();
  }

  /** `using gpu = …` closes it at the end of the block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** `await using gpu = …` waits for its work, then closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.device.closed) await this.device.sync().catch(() => {});
    this.close();
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return `Gpu: ${this.device.info.name} (${this.device.info.backend}; ${this.device.info.reason})`;
  }
}

/** How `gpu.info` shows itself in a notebook. */
const INFO_DISPLAY = {
  [Symbol.for("Jupyter.display")](this: DeviceInfo): Record<string, unknown> {
    const { blas, lapack } = this.libraries;
    const text = `${this.name} (${this.backend}): ${this.reason}\nBLAS: ${blas}\nLAPACK: ${lapack}`;
    return {
      "text/plain": text,
      "application/vnd.denovo.device+json": { name: this.name, backend: this.backend },
    };
  },
  // With what is found out when it is asked about.
  [Symbol.for("Deno.customInspect")](
    this: DeviceInfo,
    inspect: (value: unknown, options: unknown) => string,
    options: unknown,
  ): string {
    return inspect({ ...this }, options);
  },
};
