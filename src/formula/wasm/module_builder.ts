import { type Code, flatten, sized, text, unsigned, vector } from "./code.ts";
import { FunctionBuilder } from "./function_builder.ts";
import { hasRelaxedSimd } from "./relaxed.ts";
import { encodeType, type Statement, type Value, type ValueType } from "./value.ts";

/** What a module is made for. */
export interface ModuleOptions {
  /** Whether the imported memory `env.memory` is shared between threads; default false. */
  readonly shared?: boolean;
  /** Whether to use relaxed SIMD (fused multiply-add); default: if this engine has it. */
  readonly relaxed?: boolean;
}

/** A function of the module, for calls. */
export interface FunctionReference<P extends readonly ValueType[], R extends ValueType | undefined> {
  /** Its number in the module. */
  readonly index: number;
  /** The types of its parameters. */
  readonly params: P;
  /** The type of its result, if it has one. */
  readonly result: R;
}

/** A WebAssembly module while it is written. It imports its memory as `env.memory`. */
export class WasmModule {
  /** Whether the memory is shared. */
  readonly shared: boolean;
  /** Whether relaxed SIMD is used. */
  readonly relaxed: boolean;
  readonly #types: string[] = [];
  readonly #functions: { type: number; code: Code }[] = [];
  readonly #exports: { name: string; index: number }[] = [];
  readonly #helpers = new Map<string, FunctionReference<readonly ValueType[], ValueType>>();

  /** An empty module. */
  constructor({ shared = false, relaxed = hasRelaxedSimd() }: ModuleOptions = {}) {
    this.shared = shared;
    this.relaxed = relaxed;
  }

  /**
   * Writes a function.
   *
   * @param write Writes its code and returns its result, if it has one.
   * @param name Under which it is exported; by default it is not.
   */
  function<const P extends readonly ValueType[], R extends ValueType | undefined = undefined>(
    params: P,
    result: R,
    write: (
      fn: FunctionBuilder<P>,
    ) => R extends ValueType ? Value<R> : void,
    name?: string,
  ): FunctionReference<P, R> {
    const fn = new FunctionBuilder(this, params);
    const value = write(fn) as Value | undefined;
    if (value?.type !== result) throw new TypeError(`Expected a result of type ${result}, got ${value?.type}`);
    const type = this.#type(params, result);
    const index = this.#functions.push({ type, code: fn.encode(value) }) - 1;
    if (name !== undefined) this.#exports.push({ name, index });
    return { index, params, result };
  }

  /** A function of vectors that is written when it is first asked for. */
  helper<const P extends readonly ValueType[], R extends ValueType>(
    key: string,
    params: P,
    result: R,
    write: (fn: FunctionBuilder<P>) => Value<R>,
  ): FunctionReference<P, R> {
    let known = this.#helpers.get(key);
    if (known === undefined) {
      known = this.function(params, result as ValueType, write as never);
      this.#helpers.set(key, known);
    }
    return known as unknown as FunctionReference<P, R>;
  }

  /** The finished module. */
  bytes(): Uint8Array<ArrayBuffer> {
    // A shared memory has a maximum: 65536 pages of 64 KiB, that is 4 GiB.
    const limits = this.shared ? [3, 0, unsigned(65536)] : [0, 0];
    const types = this.#types.map((
      type,
    ) => [
      0x60,
      type.split(">").map((list) => vector(list.split(",").filter(Boolean).map((t) => [encodeType(t as ValueType)]))),
    ]);
    const section = (id: number, items: readonly Code[]): Code => items.length === 0 ? [] : [id, sized(vector(items))];
    return flatten([
      [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, types),
      section(2, [[text("env"), text("memory"), 2, limits]]),
      section(3, this.#functions.map(({ type }) => unsigned(type))),
      section(7, this.#exports.map(({ name, index }) => [text(name), 0, unsigned(index)])),
      section(10, this.#functions.map(({ code }) => code)),
    ]);
  }

  #type(params: readonly ValueType[], result: ValueType | undefined): number {
    const type = `${params.join()}>${result ?? ""}`;
    const known = this.#types.indexOf(type);
    return known >= 0 ? known : this.#types.push(type) - 1;
  }
}

/** A call of a function with a result. */
export function call<P extends readonly ValueType[], R extends ValueType>(
  callee: FunctionReference<P, R>,
  ...args: { [K in keyof P]: Value<P[K]> }
): Value<R> {
  return { type: callee.result, code: [args.map((arg) => arg.code), 0x10, unsigned(callee.index)] };
}

/** A call of a function without a result. */
export function callStatement<P extends readonly ValueType[]>(
  callee: FunctionReference<P, undefined>,
  ...args: { [K in keyof P]: Value<P[K]> }
): Statement {
  return { statement: [args.map((arg) => arg.code), 0x10, unsigned(callee.index)] };
}
