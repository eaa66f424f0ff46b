import { type Device, DisposedError, type DType } from "../device/mod.ts";
import type { Expr } from "../formula/mod.ts";
import type { Value } from "../ops/value.ts";

/** How a tensor looks at the memory of its source. */
export interface View {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}

/** An operand of delayed work: a number, or a source under a view (none for a source that is not computed yet). */
export type Input = number | { readonly source: Source; readonly view: View | undefined };

/** Work that is delayed until its result is needed, so that what consumes it can absorb it. */
export type Delayed =
  | {
    readonly kind: "map";
    readonly expr: Expr;
    readonly inputs: Readonly<Record<string, Input>>;
    /** Operations of the tree with everything it would absorb. */
    readonly size: number;
    /** Arrays that it would read with everything it would absorb. */
    readonly arrays: number;
  }
  | {
    readonly kind: "matmul";
    readonly a: Input;
    readonly b: Input;
    readonly transposeA: boolean;
    readonly transposeB: boolean;
  };

/**
 * What tensors are handles of: a value in memory, or delayed work. Reference-counted: tensors and delayed work that reads it hold
 * it, so disposing of a tensor never pulls memory from under a result that still needs it.
 */
export class Source {
  readonly device: Device;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** How many consumers have read or absorbed this source; from the second on it is stored. */
  uses = 0;
  #value: Value | undefined;
  #delayed: Delayed | undefined;
  #references = 1;

  /** Takes over a value, or holds the inputs of delayed work. */
  constructor(device: Device, shape: readonly number[], dtype: DType, content: Value | Delayed) {
    this.device = device;
    this.shape = shape;
    this.dtype = dtype;
    if ("storage" in content) this.#value = content;
    else {
      this.#delayed = content;
      for (const input of inputsOf(content)) if (typeof input !== "number") input.source.retain();
    }
  }

  /** The stored value, if it has been computed. */
  get value(): Value | undefined {
    this.#check();
    return this.#value;
  }

  /** The work that has not been done yet. */
  get delayed(): Delayed | undefined {
    this.#check();
    return this.#delayed;
  }

  #check(): void {
    if (this.#references <= 0) throw new DisposedError("Cannot use a tensor after it was disposed of");
  }

  /** Stores the result of the delayed work and lets go of its inputs. */
  settle(value: Value): void {
    const done = this.#delayed;
    this.#value = value;
    this.#delayed = undefined;
    if (done) { for (const input of inputsOf(done)) if (typeof input !== "number") input.source.release(); }
  }

  /** Adds a reference. */
  retain(): void {
    this.#check();
    this.#references++;
  }

  /** Drops a reference; the last one frees the memory or the inputs. */
  release(): void {
    if (--this.#references !== 0) return;
    this.#value?.storage.release();
    if (this.#delayed) {
      for (const input of inputsOf(this.#delayed)) if (typeof input !== "number") input.source.release();
    }
    this.#value = undefined;
    this.#delayed = undefined;
  }
}

function inputsOf(delayed: Delayed): readonly Input[] {
  return delayed.kind === "map" ? Object.values(delayed.inputs) : [delayed.a, delayed.b];
}
