import { type Code, sized, unsigned, vector } from "./code.ts";
import type { WasmModule } from "./module_builder.ts";
import { i32 } from "./scalar.ts";
import { encodeType, type Statement, type Value, type ValueType } from "./value.ts";

/** A local that can be changed; read where it stands. */
export interface Variable<T extends ValueType = ValueType> extends Value<T> {
  /** Its number among the locals. */
  readonly local: number;
}

/** A block or loop that can be left or repeated. */
export interface Label {
  /** How many blocks it is in, itself counted. */
  readonly depth: number;
}

/** A place in the code where more can be put later. */
export interface Section {
  /** What has been written there. */
  readonly code: Code[];
  /** How many blocks it is in. */
  readonly depth: number;
}

/** A function while its code is written. */
export class FunctionBuilder<P extends readonly ValueType[] = readonly ValueType[]> {
  /** The module that the function belongs to. */
  readonly module: WasmModule;
  /** The arguments; they can be assigned. */
  readonly params: { readonly [K in keyof P]: Variable<P[K]> };
  readonly #paramCount: number;
  readonly #locals: ValueType[] = [];
  readonly #body: Section = { code: [], depth: 0 };
  /** Runs first, whatever section is being written. */
  readonly #head: Section = { code: [], depth: 0 };
  readonly #once = new Map<string, Value>();
  readonly #constants = new Set<Value>();
  #section: Section = this.#body;

  /** Made by `WasmModule.function`. */
  constructor(module: WasmModule, params: P) {
    this.module = module;
    this.#paramCount = params.length;
    this.params = params.map((type, k) => read(type, k)) as unknown as { [K in keyof P]: Variable<P[K]> };
  }

  /** A new local; 0 until it is set. */
  local<T extends ValueType>(type: T): Variable<T> {
    this.#locals.push(type);
    return read(type, this.#paramCount + this.#locals.length - 1);
  }

  /** Computes a value here, once, and names it. */
  let<T extends ValueType>(value: Value<T>): Value<T> {
    return this.#constants.has(value) ? value : this.variable(value);
  }

  /** A local with this value, that can be changed. */
  variable<T extends ValueType>(initial: Value<T>): Variable<T> {
    const variable = this.local(initial.type);
    this.set(variable, initial);
    return variable;
  }

  /** Assigns a local. */
  set<T extends ValueType>(variable: Variable<T>, value: Value<T>): void {
    if (variable.type !== value.type) {
      throw new TypeError(`Cannot set a local of type ${variable.type} to ${value.type}`);
    }
    this.#section.code.push([value.code, 0x21, unsigned(variable.local)]);
  }

  /** A value computed once, at the start of the function, from constants and arguments. `key` tells equal ones. */
  once<T extends ValueType>(key: string, value: () => Value<T>): Value<T> {
    let known = this.#once.get(key);
    if (known === undefined) {
      this.within(this.#head, () => known = this.let(value()));
      this.#constants.add(known!);
      this.#once.set(key, known!);
    }
    return known as Value<T>;
  }

  /** Runs a store or a call. */
  run(statement: Statement): void {
    this.#section.code.push(statement.statement);
  }

  /** A place, here, where code can be put until the function is finished. */
  section(): Section {
    const section: Section = { code: [], depth: this.#section.depth };
    this.#section.code.push(section.code);
    return section;
  }

  /** Writes to a section. */
  within<R>(section: Section, write: () => R): R {
    const outer = this.#section;
    this.#section = section;
    try {
      return write();
    } finally {
      this.#section = outer;
    }
  }

  /** Code that `br` leaves. */
  block(write: (end: Label) => void): void {
    this.#nest([0x02, 0x40], write);
  }

  /** Code that `br` starts again; without one it runs once. */
  loop(write: (start: Label) => void): void {
    this.#nest([0x03, 0x40], write);
  }

  /** Runs one of two pieces of code. */
  if(condition: Value<"i32">, then: () => void, otherwise?: () => void): void {
    this.#nest([condition.code, 0x04, 0x40], then, otherwise);
  }

  /** Leaves a block or starts a loop again, if the condition (default: always) is not 0. */
  br(label: Label, condition?: Value<"i32">): void {
    const depth = unsigned(this.#section.depth - label.depth);
    this.#section.code.push(condition === undefined ? [0x0c, depth] : [condition.code, 0x0d, depth]);
  }

  /** Runs one of `cases` by number, the last one for all others. */
  switch(value: Value<"i32">, cases: readonly (() => void)[]): void {
    this.block((end) => {
      const open = (k: number): void => {
        if (k === cases.length) {
          const targets = cases.slice(0, -1).map((_, i) => unsigned(i));
          this.#section.code.push([value.code, 0x0e, vector(targets), unsigned(cases.length - 1)]);
          return;
        }
        const n = cases.length - 1 - k;
        this.block(() => open(k + 1));
        cases[n]();
        this.br(end);
      };
      open(0);
    });
  }

  /** Runs `body` for `first`, `first + step`, … while less than `last` (signed); the counter is `body`'s argument. */
  for(
    first: Value<"i32">,
    last: Value<"i32">,
    step: number | Value<"i32">,
    body: (counter: Value<"i32">) => void,
  ): void {
    const counter = this.variable(first);
    const by = typeof step === "number" ? i32.const(step) : step;
    // The test stands at the end, as compilers write loops; the one before it is for those that never run.
    this.if(i32.ltS(counter, last), () => {
      this.loop((again) => {
        body(counter);
        this.set(counter, i32.add(counter, by));
        this.br(again, i32.ltS(counter, last));
      });
    });
  }

  /** Leaves the function. */
  return(...values: Value[]): void {
    this.#section.code.push([values.map((value) => value.code), 0x0f]);
  }

  /** The finished function, `result` being left on the stack. */
  encode(result?: Value): Code {
    const locals = vector(this.#locals.map((type) => [1, encodeType(type)]));
    return sized([locals, this.#head.code, this.#body.code, result?.code ?? [], 0x0b]);
  }

  #nest(open: Code, write: (label: Label) => void, otherwise?: () => void): void {
    const depth = this.#section.depth + 1;
    const inner: Section = { code: [], depth };
    this.within(inner, () => write({ depth }));
    this.#section.code.push([open, inner.code]);
    if (otherwise !== undefined) {
      const other: Section = { code: [], depth };
      this.within(other, otherwise);
      this.#section.code.push([0x05, other.code]);
    }
    this.#section.code.push([0x0b]);
  }
}

function read<T extends ValueType>(type: T, local: number): Variable<T> {
  return { type, local, code: [0x20, unsigned(local)] };
}
