/** Random programs of tensor operations, run on tensors and on plain arrays alike. */
import type { DType } from "../../src/device/mod.ts";
import type { Gpu, Tensor } from "../../src/tensor/mod.ts";
import { generator } from "../unit/formula/random.ts";
import * as nd from "../unit/tensor/nd_array.ts";
import * as ops from "./exact_ops.ts";

/** A tensor, what it should hold, and how it came about. */
export interface Pair {
  readonly tensor: Tensor;
  readonly model: nd.NdArray;
  readonly how: string;
}

const SIZES = [0, 1, 1, 2, 2, 3, 3, 4, 5, 7];
const LARGEST = 3000;
const HELD = 10;

/**
 * Runs `steps` operations and gives what is held at the end. A step whose result would be rounded is left out, so that every
 * device must agree exactly; wrapping integers, NaN and infinities are in. Older tensors are disposed of on the way, while later
 * ones still depend on them.
 */
export function runProgram(gpu: Gpu, seed: number, steps: number, dtypes: readonly DType[]): Pair[] {
  const random = generator(seed);
  const below = (n: number) => Math.floor(random() * n);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)];
  const held: Pair[] = [];

  const keep = (pair: Pair | undefined): void => {
    if (!pair) return;
    held.push(pair);
    if (held.length > HELD) held.splice(below(held.length - 1), 1)[0].tensor.dispose();
  };
  const fresh = (shape = randomShape()): Pair => {
    const dtype = pick(dtypes), model = nd.build(shape, dtype, () => value(dtype));
    return { tensor: gpu.tensor(model.data, { shape, dtype }), model, how: `${dtype}[${shape}]` };
  };
  const randomShape = (): number[] => {
    for (;;) {
      const shape = Array.from({ length: below(6) }, () => pick(SIZES));
      if (nd.count(shape) <= 400 && (nd.count(shape) > 0 || random() < 0.3)) return shape;
    }
  };
  const value = (dtype: DType): number => {
    if (dtype === "bool") return below(2);
    if (!ops.isFloat(dtype)) {
      const edge = pick([0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]);
      return nd.stored(random() < 0.1 ? edge : dtype === "u32" ? below(9) : below(17) - 8, dtype);
    }
    return random() < 0.06 ? pick([NaN, Infinity, -Infinity, -0]) : (below(65) - 32) / 4;
  };
  /** Another array that broadcasts with this one. */
  const partner = (a: Pair): Pair => {
    const known = held.filter((b) => fits(a, b));
    if (known.length && random() < 0.7) return pick(known);
    for (;;) {
      const drop = below(a.model.shape.length + 1);
      const made = fresh(a.model.shape.slice(drop).map((s) => random() < 0.3 ? 1 : s));
      held.push(made);
      if (fits(a, made)) return made;
    }
  };
  const fits = (a: Pair, b: Pair): boolean => {
    const shape = nd.commonShape(a.model.shape, b.model.shape), dtype = ops.promoted(a.model.dtype, b.model.dtype);
    return shape !== undefined && nd.count(shape) <= LARGEST && holds(a.model, dtype) && holds(b.model, dtype);
  };
  /** Whether the values stay as they are when they become operands of arithmetic in this dtype. */
  const holds = ({ data }: nd.NdArray, dtype: DType): boolean => {
    const scalar = dtype === "f16" ? "f32" : dtype;
    return data.every((x) => !Number.isFinite(x) || nd.stored(x, scalar) === x);
  };

  /** The pair, or nothing if a dtype would have to round. */
  const exact = (tensor: () => Tensor, model: nd.NdArray, how: string): Pair | undefined => {
    const { dtype } = model;
    const data = ops.isFloat(dtype) ? model.data : model.data.map((x) => nd.stored(x, dtype));
    if (!ops.isFloat(dtype) && !model.data.every(Number.isInteger)) return undefined;
    if (data.some((x) => Number.isFinite(x) && (nd.stored(x, dtype) !== x || Math.abs(x) > 2 ** 32))) return undefined;
    return { tensor: tensor(), model: { ...model, data: [...data] }, how };
  };

  const steppers: ((a: Pair) => Pair | undefined)[] = [
    (a) => {
      const b = partner(a), [name, f] = pick(ops.arithmetic);
      const dtype = ops.promoted(a.model.dtype, b.model.dtype);
      const model = nd.elementwise(dtype, (x, y) => f(x, y, dtype), a.model, b.model);
      return exact(() => a.tensor[name](b.tensor), model, `${name}(${a.how}, ${b.how})`);
    },
    (a) => {
      const [name, f] = pick(ops.arithmetic), number = pick([0, 1, 2, 3, 0.5, -1, -0.25, Infinity, NaN]);
      if (a.model.dtype === "u32" && Number.isInteger(number) && number < 0) return undefined;
      const dtype = ops.promotedNumber(a.model.dtype, number);
      return exact(
        () => a.tensor[name](number),
        nd.elementwise(dtype, (x) => f(x, number, dtype), a.model),
        `${name}(${a.how}, ${number})`,
      );
    },
    (a) => {
      const b = partner(a), [name, f] = pick(ops.comparisons);
      const model = nd.elementwise("bool", (x, y) => Number(f(x, y)), a.model, b.model);
      return exact(() => a.tensor[name](b.tensor), model, `${name}(${a.how}, ${b.how})`);
    },
    (a) => {
      const [name, apply, f] = pick(ops.unary);
      const dtype = ops.promoted(a.model.dtype, "bool");
      return exact(() => apply(a.tensor), nd.elementwise(dtype, (x) => f(x, dtype), a.model), `${name}(${a.how})`);
    },
    (a) => {
      const [name, apply, f] = pick(ops.tests);
      return exact(() => apply(a.tensor), nd.elementwise("bool", (x) => Number(f(x)), a.model), `${name}(${a.how})`);
    },
    (a) => {
      const number = pick([2, 4, 0.5]), dtype = ops.isFloat(a.model.dtype) ? a.model.dtype : "f32";
      return exact(
        () => a.tensor.div(number),
        nd.elementwise(dtype, (x) => x / number, a.model),
        `div(${a.how}, ${number})`,
      );
    },
    (a) => {
      const flags = held.filter((b) => b.model.dtype === "bool" && fits(a, b)),
        c = flags.length ? pick(flags) : undefined;
      const b = partner(a);
      if (!c || !nd.commonShape(a.model.shape, b.model.shape, c.model.shape)) return undefined;
      const dtype = ops.promoted(a.model.dtype, b.model.dtype);
      const model = nd.elementwise(dtype, (c, x, y) => c ? x : y, c.model, a.model, b.model);
      if (nd.count(model.shape) > LARGEST) return undefined;
      return exact(() => c.tensor.where(a.tensor, b.tensor), model, `where(${c.how}, ${a.how}, ${b.how})`);
    },
    (a) => {
      const dtype = pick(dtypes), { data } = a.model;
      if (!ops.isFloat(dtype) && dtype !== "bool") {
        const [low, high] = dtype === "u32" ? [0, 2 ** 32 - 1] : [-(2 ** 31), 2 ** 31 - 1];
        const wraps = !ops.isFloat(a.model.dtype);
        if (!wraps && data.some((x) => !(x >= low && x <= high) || Math.abs(x) > 2 ** 24)) return undefined;
      }
      const model = nd.elementwise(dtype, (x) => ops.isFloat(dtype) ? x : nd.stored(x, dtype), a.model);
      return exact(() => a.tensor.astype(dtype), model, `astype(${a.how}, ${dtype})`);
    },
    (a) => {
      const b = partner(a), dtype = ops.promoted(a.model.dtype, b.model.dtype);
      const sum = nd.elementwise(dtype, (x, y) => x + y, a.model, b.model);
      return exact(
        () => {
          const both = gpu.map({ less: "x < y", sum: "x + y" }, { x: a.tensor, y: b.tensor });
          both.less.dispose();
          return both.sum;
        },
        sum,
        `map(${a.how}, ${b.how}).sum`,
      );
    },
    (a) => {
      const b = partner(a), dtype = ops.promoted(a.model.dtype, b.model.dtype);
      const products = nd.elementwise(dtype, (x, y) => ops.product(x, y, dtype), a.model, b.model);
      const magnitude = products.data.reduce((s, x) => Number.isFinite(x) ? s + Math.abs(x) : s, 0);
      if (magnitude > 2 ** 15) return undefined;
      const axes = [...products.shape.keys()].filter(() => random() < 0.5);
      const model = nd.reduce(products, axes, false, dtype, (v) => v.reduce((s, x) => s + x, 0));
      const how = `reduce(${a.how}, ${b.how}, [${axes}])`;
      return exact(() => gpu.reduce("sum", "x * y", { x: a.tensor, y: b.tensor }, axes), model, how);
    },
    // Views.
    (a) => {
      const parts = a.model.shape.slice(0, 1 + below(a.model.shape.length + 1)).map((size): nd.Part => {
        if (random() < 0.2 && size > 0) return below(2 * size) - size;
        if (random() < 0.2) return null;
        const end = () => random() < 0.3 ? null : below(2 * size + 5) - size - 2;
        return [end(), end(), pick([1, 1, 2, 3, -1, -1, -2])];
      });
      return exact(
        () => a.tensor.slice(...parts),
        nd.slice(a.model, parts),
        `slice(${a.how}, ${JSON.stringify(parts)})`,
      );
    },
    (a) => {
      const axes = [...a.model.shape.keys()].sort(() => random() - 0.5);
      return exact(() => a.tensor.transpose(axes), nd.transpose(a.model, axes), `transpose(${a.how}, ${axes})`);
    },
    (a) => {
      const rank = a.model.shape.length;
      if (rank === 0) return undefined;
      const axis = below(rank), parts = a.model.shape.map((_, k): nd.Part => k === axis ? [null, null, -1] : null);
      return exact(() => a.tensor.flip(axis - rank), nd.slice(a.model, parts), `flip(${a.how}, ${axis})`);
    },
    (a) => {
      const size = nd.count(a.model.shape), shape: number[] = [];
      for (let rest = size; rest > 1;) {
        const divisor = pick([2, 3, 5, 7, rest].filter((d) => rest % d === 0));
        shape.splice(below(shape.length + 1), 0, divisor);
        rest /= divisor;
      }
      if (size === 0) shape.push(...a.model.shape);
      if (random() < 0.4) shape.splice(below(shape.length + 1), 0, 1);
      if (shape.length > 5) return undefined;
      const asked = [...shape];
      if (size > 0 && shape.length && random() < 0.5) asked[below(asked.length)] = -1;
      return exact(() => a.tensor.reshape(asked), nd.reshape(a.model, shape), `reshape(${a.how}, [${asked}])`);
    },
    (a) => {
      const k = below(a.model.shape.length + 1), shape = [...a.model.shape];
      if (shape.length > 4) return undefined;
      shape.splice(k, 0, 1);
      return exact(() => a.tensor.expandDims(k), nd.reshape(a.model, shape), `expandDims(${a.how}, ${k})`);
    },
    (a) => {
      const shape = a.model.shape.filter((s) => s !== 1);
      return exact(() => a.tensor.squeeze(), nd.reshape(a.model, shape), `squeeze(${a.how})`);
    },
    (a) => {
      const shape = a.model.shape.map((s) => s === 1 ? pick([1, 2, 3]) : s);
      if (shape.length < 5 && random() < 0.5) shape.unshift(pick([1, 2, 3]));
      if (nd.count(shape) > LARGEST) return undefined;
      return exact(
        () => a.tensor.broadcastTo(shape),
        nd.broadcastTo(a.model, shape),
        `broadcastTo(${a.how}, [${shape}])`,
      );
    },
    // Reductions.
    (a) => {
      const [name, dtypeOf, f] = pick(ops.reductions), { shape, data } = a.model;
      const single = name === "argmax" || name === "argmin";
      const all = [...shape.keys()], keepDims = random() < 0.4;
      const axes = random() < 0.3
        ? all
        : single
        ? all.length ? [below(all.length)] : []
        : all.filter(() => random() < 0.5);
      const length = nd.count(axes.map((k) => shape[k]));
      if (length === 0 && !["sum", "prod", "any", "all"].includes(name)) return undefined;
      const magnitude = data.reduce((s, x) => Number.isFinite(x) ? s + Math.abs(x) : s, 0);
      const product = data.reduce((s, x) => Number.isFinite(x) ? s * Math.max(1, Math.abs(x)) : s, 1);
      const whole = data.every((x) => Number.isInteger(x) || !Number.isFinite(x));
      if (ops.isFloat(a.model.dtype)) {
        if ((name === "sum" || name === "mean") && magnitude > 2 ** 15) return undefined;
        if (name === "prod" && (product > 2 ** 20 || !whole)) return undefined;
      } else if ((name === "prod" || name === "mean" || name === "sum") && Math.max(product, magnitude) > 2 ** 20) {
        return undefined;
      }
      if (name === "mean" && (length & (length - 1)) !== 0) return undefined;
      const model = nd.reduce(a.model, axes, keepDims, dtypeOf(a.model.dtype), f);
      const axis = axes.length === all.length
        ? null
        : single
        ? axes[0]
        : axes.map((k) => random() < 0.5 ? k : k - shape.length);
      const how = `${name}(${a.how}, ${JSON.stringify(axis)}, ${keepDims})`;
      return exact(() => a.tensor[name](axis as number, { keepDims }), model, how);
    },
  ];

  keep(fresh());
  for (let k = 0; k < steps; k++) {
    if (random() < 0.12) keep(fresh());
    keep(pick(steppers)(pick(held)));
  }
  return held;
}
