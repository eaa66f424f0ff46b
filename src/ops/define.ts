import type { Cost, DeviceInfo, DType } from "../device/mod.ts";
import type { KernelText } from "./kernel.ts";
import type { Formula } from "./formulas.ts";
import type { HostText } from "./host_kernel.ts";
import { type ArrayType, numberType, type Operand, type Value } from "./value.ts";

/** Types of the named inputs of a call; `null` for a whole number, a weak scalar for one with a fraction. */
export type InputTypes = Readonly<Record<string, ArrayType | null>>;

/** A dense row-major array on the host in f64: what references read and write, and tolerances are computed from. */
export interface HostArray extends ArrayType {
  /** Elements; booleans are 0 and 1. */
  readonly data: Float64Array;
}

/** Inputs of a reference: arrays, and plain numbers as they are. */
export type HostInputs = Readonly<Record<string, HostArray | number>>;

/** Types of host inputs. */
export function hostTypes(inputs: HostInputs): InputTypes {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, v]) => [name, typeof v === "number" ? numberType(v) : v]),
  );
}

/** What every variant sees of a call. */
export interface VariantCall<P> {
  /** The device's abilities. */
  readonly info: DeviceInfo;
  /** The call's inputs. */
  readonly inputs: Readonly<Record<string, Operand>>;
  /** Fresh dense outputs. */
  readonly outputs: Readonly<Record<string, Value>>;
  /** The call's options. */
  readonly params: P;
  /** Scratch memory until the end of the call. */
  temporary(type: ArrayType): Value;
  /** The value itself if it is dense, else a dense copy that lives until the end of the call. */
  dense(value: Value): Value;
}

/** What a kernel variant sees when it is recorded. */
export interface KernelCall<P> extends VariantCall<P> {
  /** Records one dispatch. */
  launch(text: KernelText): void;
  /** A scratch image of texels (four `f32` each) until the end of the call, where `info.limits.imageTexels` allows it. */
  image(texels: number): Value;
}

/** What a native variant sees when it runs. */
export interface HostCall<P> extends VariantCall<P> {
  /** Runs a WebAssembly kernel on all threads and waits for it. */
  launch(text: HostText): void;
}

/** One way to compute an op. */
export interface Variant<C> {
  /** Name, shown by the profiler as `op/name`. */
  readonly name: string;
  /** Whether this variant can compute the call at all; absent means always. */
  readonly when?: (call: C) => boolean;
  /**
   * How promising it looks: the highest goes first, ties go to the earlier one. A negative one is taken only for want of a better and
   * never timed. Absent means 0.
   */
  readonly rank?: (call: C) => number;
  /** False if two runs of one call may differ in the last digits: such a variant runs only when asked for by name. */
  readonly deterministic?: false;
  /** Records the dispatches; they follow from the call alone, so that a call like an earlier one can be replayed. */
  readonly record: (call: C) => void;
}

/** One way to compute an op on WebGPU. */
export type KernelVariant<P> = Variant<KernelCall<P>>;

/** One way to compute an op on the CPU device, by WebAssembly kernels. */
export type NativeVariant<P> = Variant<HostCall<P>>;

/** Arithmetic on arrays of some kind `T`, in which vector-Jacobian products are written: tensors implement it. */
export interface Calculus<T extends ArrayType> {
  /** Runs an op of the registry. */
  apply(op: string, inputs: Readonly<Record<string, T | number>>, params: object): Record<string, T>;
  /** Elementwise formula over broadcast inputs. */
  map(formula: Formula, inputs: Readonly<Record<string, T | number>>): T;
  /** The f32 numbers 0 … n − 1. */
  range(n: number): T;
  /** Sums `value` over broadcast axes so that it has `shape` again: the adjoint of broadcasting. */
  unbroadcast(value: T, shape: readonly number[]): T;
  /** Repeats `value` along axes of size 1 and new leading axes. */
  broadcastTo(value: T, shape: readonly number[]): T;
  /** The same elements under another shape. */
  reshape(value: T, shape: readonly number[]): T;
  /** Axes in another order. */
  permute(value: T, axes: readonly number[]): T;
  /** The part `starts[k] ≤ index < stops[k]` along each axis k. */
  slice(value: T, starts: readonly number[], stops: readonly number[]): T;
}

/** What a vector-Jacobian product is given. */
export interface VjpCall<T extends ArrayType, P> {
  /** The call's inputs. */
  readonly inputs: Readonly<Record<string, T | number>>;
  /** The call's outputs. */
  readonly outputs: Readonly<Record<string, T>>;
  /** Cotangents of the outputs, of their shapes; absent where no gradient arrives. */
  readonly cotangents: Readonly<Record<string, T | undefined>>;
  /** The call's options. */
  readonly params: P;
  /** The inputs whose cotangents are used; absent means all. Those of others may be left out. */
  readonly wanted?: ReadonlySet<string>;
}

/** The inputs and outputs whose values a vector-Jacobian product reads; absent means all. */
export interface Kept {
  /** Names of inputs. */
  readonly inputs?: readonly string[];
  /** Names of outputs. */
  readonly outputs?: readonly string[];
}

/** One input set with which the conformance driver runs an op. */
export interface Case<P> {
  /** What is special about it. */
  readonly name: string;
  /** The inputs: how to make each. */
  readonly inputs: Readonly<Record<string, CaseInput>>;
  /** Options of the call. */
  readonly params: P;
  /** False where the function has no derivative at these inputs (ties, kinks, non-finite values). Default true. */
  readonly gradient?: boolean;
}

/** How the conformance driver makes an input: a plain number, or an array with a fill and a memory layout. */
export type CaseInput = number | {
  readonly shape: readonly number[];
  readonly dtype?: DType;
  /** Values in order (repeated as needed), or a seeded random fill; default `normal`. */
  readonly fill?: readonly number[] | "normal" | "uniform" | "positive" | "index" | "ties" | "special";
  /** Exclusive upper bound of an `index` fill. */
  readonly below?: number;
  /** Memory layout: dense, transposed, every second element of a larger block, or offset into one. Default dense. */
  readonly layout?: "dense" | "transposed" | "strided" | "offset";
};

/** All there is to know of an op. See `map.ts` for a first example. */
export interface OpDefinition<P> {
  /** Name in the registry, the profiler and error messages. */
  readonly name: string;
  /** Shapes and dtypes of the outputs; refuses bad calls in words, here and nowhere else. */
  contract(inputs: InputTypes, params: P): Record<string, ArrayType>;
  /** Plain f64 loops: the definition of correct, the test oracle, and what the CPU device runs where it has nothing faster. */
  reference(inputs: HostInputs, params: P, outputs: Readonly<Record<string, HostArray>>): void;
  /** WGSL variants. */
  readonly kernels: readonly KernelVariant<P>[];
  /** WebAssembly variants for the CPU device. A call that none of them can compute runs the reference. */
  readonly natives?: readonly NativeVariant<P>[];
  /** The vector-Jacobian product, written with other ops; absent if no input is differentiable. */
  vjp?<T extends ArrayType>(k: Calculus<T>, call: VjpCall<T, P>): Record<string, T | undefined>;
  /**
   * What `vjp` reads the values of to give the cotangents of the inputs `wanted`: the others are not kept in memory until then (their
   * shapes and dtypes are). Absent means everything.
   */
  keeps?(params: P, wanted: ReadonlySet<string>): Kept;
  /** The fewest operations and bytes of any implementation. */
  cost(inputs: InputTypes, params: P, outputs: Readonly<Record<string, ArrayType>>): Cost;
  /**
   * Bounds on |device − reference| per element of each output, from an error model (never a literal in a test). `u` is the unit
   * roundoff of the output's dtype.
   */
  error(
    inputs: HostInputs,
    params: P,
    outputs: Readonly<Record<string, HostArray>>,
    u: number,
  ): Record<string, Float64Array>;
  /** Input sets for the conformance driver; at least one. */
  readonly cases: readonly Case<P>[];
}

/** Checks that a record is complete and returns it. Throws a `TypeError` on a missing part. */
export function defineOp<P>(definition: OpDefinition<P>): OpDefinition<P> {
  const name = definition.name;
  if (!/^[a-z][A-Za-z0-9]*$/.test(name)) {
    throw new TypeError(`Expected an op name like "softmax", got ${JSON.stringify(name)}`);
  }
  if (definition.kernels.length === 0) throw new TypeError(`Op "${name}" has no kernel`);
  if (definition.cases.length === 0) throw new TypeError(`Op "${name}" has no cases: an op without cases is untested`);
  for (const list of [definition.kernels, definition.natives ?? []]) {
    const variants = list.map((k) => k.name);
    if (new Set(variants).size !== variants.length) throw new TypeError(`Op "${name}" has two kernels of one name`);
  }
  return definition;
}
