import { type Device, DisposedError, type DType, type TypedArray } from "../device/mod.ts";
import { leaves } from "../formula/mod.ts";
import { type Formula, toExpr } from "../ops/formulas.ts";
import { showShape } from "../ops/value.ts";
import { sparseBundle, sparseText } from "./sparse_show.ts";
import { type SparseTriplets, tripletTensors } from "./sparse_triplets.ts";
import { Tensor, type TensorLike } from "./tensor.ts";

/** A sparse matrix as arrays on the host, without room to spare: row i has the entries `starts[i]` to `starts[i + 1]`. */
export interface SparseData {
  /** Rows and columns. */
  shape: readonly [number, number];
  /** `[rows + 1]`. */
  starts: Uint32Array;
  /** Column of each entry, sorted in each row. */
  columns: Uint32Array;
  /** Value of each entry. */
  values: TypedArray;
}

/**
 * A sparse matrix `[n, m]` on a device, in compressed rows (CSR): immutable, rows and columns sorted, one entry per place. Its arrays may
 * have room beyond the last entry, because only the device knows how many there are.
 *
 * @example
 * ```ts
 * import { open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const s = gpu.sparse({ rows: [0, 2, 0], columns: [1, 0, 1], values: [1, 5, 2], shape: [3, 2] });
 * console.log(await s.matmul(gpu.tensor([10, 1])).array()); // [3, 0, 50]
 * ```
 */
export class Sparse {
  /** Rows and columns. */
  readonly shape: readonly [number, number];
  /** Where each row begins, and where the last one ends: u32 `[n + 1]`. */
  readonly starts: Tensor;
  /** Column of each entry: u32 `[room]`. */
  readonly columns: Tensor;
  /** Value of each entry: `[room]`. */
  readonly values: Tensor;
  #transpose: Sparse | undefined;
  #origin: Sparse | undefined;

  /** Takes over the arrays of a CSR matrix, whose rows must be sorted and without duplicates. */
  constructor(shape: readonly [number, number], arrays: { starts: Tensor; columns: Tensor; values: Tensor }) {
    const { starts, columns, values } = arrays;
    if (
      starts.shape.join() !== `${shape[0] + 1}` || values.rank !== 1 || columns.shape.join() !== values.shape.join()
    ) {
      throw new TypeError(
        `Expected starts [${shape[0] + 1}], and columns and values of one length, got ${showShape(starts.shape)}, ` +
          `${showShape(columns.shape)} and ${showShape(values.shape)}`,
      );
    }
    this.shape = shape;
    this.starts = starts;
    this.columns = columns;
    this.values = values;
  }

  /** A matrix from triplets in any order; those of one place add up. See `gpu.sparse`. */
  static fromTriplets(device: Device, triplets: SparseTriplets): Sparse {
    const { rows, columns, values, made, shape } = tripletTensors(device, triplets);
    try {
      const found = Tensor.apply("csrFromCoo", { rows, columns, values }, { shape }, device);
      found.slots.dispose();
      return new Sparse(shape, { starts: found.starts, columns: found.columns, values: found.values });
    } finally {
      for (const tensor of made) tensor.dispose();
    }
  }

  /** The elements of a matrix `[n, m]` that are not zero. Waits for their number. */
  static async fromDense(x: Tensor): Promise<Sparse> {
    if (x.rank !== 2) throw new TypeError(`Expected a matrix, got the shape ${showShape(x.shape)}`);
    using nonzero = x.notEqual(0);
    using count = nonzero.sum();
    const room = Math.ceil(await count.item() / 4) * 4;
    const { starts, columns, values } = Tensor.apply("csrFromDense", { x }, { room });
    return new Sparse([x.shape[0], x.shape[1]], { starts, columns, values });
  }

  /** Element type of the values. */
  get dtype(): DType {
    return this.values.dtype;
  }

  /** The device that holds it. */
  get device(): Device {
    return this.values.device;
  }

  /** True after `dispose`. */
  get disposed(): boolean {
    return this.values.disposed || this.starts.disposed || this.columns.disposed;
  }

  /** Lets go of the memory now, of the transpose too. Results already derived from this matrix stay valid. */
  dispose(): void {
    for (const tensor of [this.starts, this.columns, this.values]) tensor.dispose();
    const turned = this.#transpose;
    this.#transpose = undefined;
    turned?.dispose();
  }

  /** `using s = …` disposes of it at the end of the block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #pattern(): { starts: Tensor; columns: Tensor } {
    if (this.disposed) {
      throw new DisposedError(`Cannot use a sparse matrix of shape ${showShape(this.shape)} after it was disposed of`);
    }
    return { starts: this.starts, columns: this.columns };
  }

  // ------------------------------------------------------------------------------------------------ products

  /** S·v for v of shape `[m]` or `[m, p]`, of the dtype of the values. Equal bits in every run. */
  matmul(v: Tensor): Tensor {
    if (!(v instanceof Tensor)) throw new TypeError(`Expected a tensor to multiply by, got ${typeof v}`);
    if (v.rank < 1 || v.rank > 2 || v.shape[0] !== this.shape[1]) {
      throw new TypeError(
        `Cannot multiply a sparse matrix ${showShape(this.shape)} by ${showShape(v.shape)}: expected [${
          this.shape[1]
        }] ` +
          `or [${this.shape[1]}, p]`,
      );
    }
    const inputs = { ...this.#pattern(), values: this.values };
    if (v.rank === 2) return Tensor.apply("sparseMatmul", { ...inputs, b: v }, {}).out;
    using b = v.reshape([this.shape[1], 1]);
    using product = Tensor.apply("sparseMatmul", { ...inputs, b }, {}).out;
    return product.reshape([this.shape[0]]);
  }

  /** The transpose, sorted when it is first asked for. It belongs to this matrix and is freed with it. */
  get T(): Sparse {
    if (this.#origin && !this.#origin.disposed) return this.#origin;
    if (this.#transpose && !this.#transpose.disposed) return this.#transpose;
    const turned = Tensor.apply("csrTranspose", this.#pattern(), { columns: this.shape[1] });
    using order = turned.order;
    const values = Tensor.apply("gather", { x: this.values, indices: order }, { axis: 0 }).out;
    const transpose = new Sparse([this.shape[1], this.shape[0]], {
      starts: turned.starts,
      columns: turned.columns,
      values,
    });
    transpose.#origin = this;
    return this.#transpose = transpose;
  }

  /**
   * The matrix of this pattern with the values φ(aᵢ · bⱼ, …) (SDDMM) for `a` `[n, k]` and `b` `[m, k]`. The formula φ reads the product as
   * `product`, this matrix's values as `values`, and further inputs (`[room]` or scalars) by their names; default `product`.
   */
  sampledMatmul(
    a: Tensor,
    b: Tensor,
    options: { formula?: Formula; inputs?: Readonly<Record<string, TensorLike>> } = {},
  ): Sparse {
    const { formula = "product", inputs = {} } = options;
    const all: Record<string, TensorLike> = { ...this.#pattern(), a, b, ...inputs };
    if (leaves(toExpr(formula)).names.includes("values")) all.values = this.values;
    return this.withValues(Tensor.apply("sampledMatmul", all, { epilogue: formula }).out);
  }

  // ------------------------------------------------------------------------------------------------ values

  /** A matrix of this pattern with other values, `[room]`, in the order of the entries; it takes them over. */
  withValues(values: Tensor): Sparse {
    const { starts, columns } = this.#pattern();
    // Views: both matrices hold the memory of the pattern.
    return new Sparse(this.shape, { starts: starts.slice(null), columns: columns.slice(null), values });
  }

  /** Sums of the entries of each row (axis 1, default) or column (axis 0). */
  sum(axis: 0 | 1 = 1): Tensor {
    return this.#reduce("sum", axis);
  }

  /** Largest entry of each row (axis 1, default) or column (axis 0), places without entry left out; −∞ where there is none. */
  max(axis: 0 | 1 = 1): Tensor {
    return this.#reduce("max", axis);
  }

  /** log Σ exp over the entries of each row (axis 1, default) or column (axis 0), places without entry left out. */
  logsumexp(axis: 0 | 1 = 1): Tensor {
    return this.#reduce("logsumexp", axis);
  }

  #reduce(reduction: "sum" | "max" | "logsumexp", axis: 0 | 1): Tensor {
    if (axis !== 0 && axis !== 1) throw new RangeError(`Expected "axis" to be 0 or 1, got ${axis}`);
    const { starts, values } = axis === 1 ? this : this.T;
    this.#pattern();
    return Tensor.apply("segmentReduce", { starts, values }, { reduction }).out;
  }

  /** exp(v) / Σ exp(v) over the entries of each row: attention on a pattern. */
  softmax(): Sparse {
    using total = this.logsumexp();
    using rows = this.rows();
    using own = Tensor.apply("gather", { x: total, indices: rows }, { axis: 0, fill: 0 }).out;
    return this.withValues(Tensor.map("exp(v - l)", { v: this.values, l: own }));
  }

  /** Row of each entry, u32 `[room]`; n where there is none. */
  rows(): Tensor {
    return Tensor.apply("csrRows", { starts: this.#pattern().starts }, { room: this.values.size }).out;
  }

  /** The stored matrix `[n, m]`. */
  toDense(): Tensor {
    return Tensor.apply("csrToDense", { ...this.#pattern(), values: this.values }, { shape: this.shape }).out;
  }

  /** Row i as a stored vector `[m]`; negative from the end. */
  row(i: number): Tensor {
    const [n, m] = this.shape, at = i < 0 ? i + n : i;
    if (!Number.isInteger(i) || at < 0 || at >= n) {
      throw new RangeError(`Row ${i} is out of range for a sparse matrix ${showShape(this.shape)}`);
    }
    const { starts, columns } = this.#pattern();
    using part = starts.slice([at, at + 2]);
    using one = Tensor.apply("csrToDense", { starts: part, columns, values: this.values }, { shape: [1, m] }).out;
    return one.reshape([m]);
  }

  // ------------------------------------------------------------------------------------------------ reading

  /** Number of entries, explicit zeros among them. */
  async nnz(): Promise<number> {
    using last = this.#pattern().starts.slice([this.shape[0], this.shape[0] + 1]);
    return await last.item();
  }

  /** The arrays, without room to spare. */
  async data(): Promise<SparseData> {
    this.#pattern();
    const [starts, columns, values] = await Promise.all([this.starts.data(), this.columns.data(), this.values.data()]);
    const count = starts[this.shape[0]];
    return {
      shape: this.shape,
      starts: starts as Uint32Array,
      columns: columns.slice(0, count) as Uint32Array,
      values: values.slice(0, count) as TypedArray,
    };
  }

  /** Shape, dtype and where it is. The number of entries needs waiting: `await s.nnz()`. */
  toString(): string {
    return `Sparse ${showShape(this.shape)} ${this.dtype} on ${this.device.info.name}${
      this.disposed ? " (disposed)" : ""
    }`;
  }

  /** What `console.log` shows. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** Shape, dtype, number of entries, density and the first of them, as text. */
  async show(): Promise<string> {
    return sparseText(await this.data());
  }

  /** What a notebook shows: the same, and a picture of where entries are. */
  async [Symbol.for("Jupyter.display")](): Promise<Record<string, string>> {
    return await sparseBundle(await this.data(), this.device.info.name);
  }
}
