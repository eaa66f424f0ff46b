import { copyMemory, type FunctionBuilder, i32, i64, v128, type Value } from "../formula/wasm/mod.ts";

/** Bytes from which on a block is copied by the engine's own instruction; below it costs more than a loop. */
const BULK = 64;

/** Size of an element in bytes. */
export type ElementSize = 2 | 4 | 8;

/** Copies one element, as bits. */
export function copyElement(fn: FunctionBuilder, to: Value<"i32">, from: Value<"i32">, size: ElementSize): void {
  if (size === 8) fn.run(i64.store(to, i64.load(from)));
  else if (size === 4) fn.run(i32.store(to, i32.load(from)));
  else fn.run(i32.store16(to, i32.load16U(from)));
}

/** Copies `count` elements; neighbours are `fromStep` and `toStep` bytes apart. */
export function copyApart(
  fn: FunctionBuilder,
  { to, from, count, size, fromStep, toStep }: {
    readonly to: Value<"i32">;
    readonly from: Value<"i32">;
    readonly count: Value<"i32">;
    readonly size: ElementSize;
    readonly fromStep: Value<"i32">;
    readonly toStep: Value<"i32">;
  },
): void {
  const source = fn.variable(from), target = fn.variable(to);
  fn.for(i32.const(0), count, 1, () => {
    copyElement(fn, target, source, size);
    fn.set(source, i32.add(source, fromStep));
    fn.set(target, i32.add(target, toStep));
  });
}

/** Copies `count` elements that follow each other. `few` says that they are less than {@linkcode isFew} finds worth a block. */
export function copyRun(
  fn: FunctionBuilder,
  to: Value<"i32">,
  from: Value<"i32">,
  count: Value<"i32">,
  size: ElementSize,
  few: boolean,
): void {
  if (few) copyApart(fn, { to, from, count, size, fromStep: i32.const(size), toStep: i32.const(size) });
  else fn.run(copyMemory(to, from, i32.mul(count, i32.const(size))));
}

/** Whether so many elements are few. */
export function isFew(count: number, size: ElementSize): boolean {
  return count * size < BULK;
}

/** Writes one element, whose bits repeat in `value`, to `count` neighbours from `to` on. */
export function fillRun(
  fn: FunctionBuilder,
  to: Value<"i32">,
  value: Value<"v128">,
  count: Value<"i32">,
  size: ElementSize,
): void {
  const bytes = fn.let(i32.mul(count, i32.const(size)));
  const whole = fn.let(i32.and(bytes, i32.const(-16)));
  fn.for(i32.const(0), whole, 16, (k) => fn.run(v128.store(i32.add(to, k), value)));
  const store = size === 8 ? v128.store64Lane : size === 4 ? v128.store32Lane : v128.store16Lane;
  const at = fn.variable(i32.add(to, whole));
  fn.for(whole, bytes, size, () => {
    fn.run(store(at, value, 0));
    fn.set(at, i32.add(at, i32.const(size)));
  });
}

/** An element in all places of a vector. */
export function splatElement(fn: FunctionBuilder, from: Value<"i32">, size: ElementSize): Value<"v128"> {
  return fn.let((size === 8 ? v128.load64Splat : size === 4 ? v128.load32Splat : v128.load16Splat)(from));
}
