import type { HostArgument } from "../device/mod.ts";
import {
  floatLanes,
  flushedExp,
  type FunctionBuilder,
  i32,
  type V,
  v128,
  type Value,
  WasmModule,
} from "../formula/wasm/mod.ts";
import type { HostCall } from "./define.ts";
import type { HostTarget } from "./host_kernel.ts";
import { Arguments } from "./wasm_formula.ts";

/** Numbers that are joined by a thread at a time. */
const GRAIN = 8192;

/** Vector sums over parts of the rows j. */
export interface VectorParts {
  readonly scalar: "f32" | "f64";
  readonly softmax: boolean;
  readonly n: number;
  /** Components of a sum. */
  readonly length: number;
  readonly parts: number;
  /** Address of the outputs. */
  readonly out: HostArgument;
}

/**
 * Joins the sums `total[part, i, k]`; those of `softmax` with its weights' sums `weight[part, i]`, of which each part has its own shift
 * `shift[part, i]`.
 */
export function joinVectors(
  call: Pick<HostCall<unknown>, "launch">,
  { scalar, softmax, n, length, parts, out }: VectorParts,
  partials: Readonly<Record<string, HostArgument>>,
): void {
  call.launch({
    key: `join vectors|${scalar}|${softmax}`,
    args: { ...partials, y: out, n: { i32: n }, d: { i32: length }, parts: { i32: parts } },
    code: (target) => joinKernel(scalar, softmax, target),
    count: n,
    grain: Math.max(1, Math.floor(GRAIN / (parts * Math.max(1, length)))),
  });
}

/** An item is a row. */
function joinKernel(scalar: "f32" | "f64", softmax: boolean, target: HostTarget): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared: target.shared }), size = scalar === "f64" ? 8 : 4;
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target), m = floatLanes(fn, scalar);
    const n = args.i32("n"), d = args.i32("d");
    const load = (name: string, k: Value<"i32">): V => {
      const address = i32.add(args.i32(name), i32.mul(k, i32.const(size)));
      return fn.let(size === 8 ? v128.load64Splat(address) : v128.load32Splat(address));
    };
    fn.for(first, end, 1, (row) => {
      const top = fn.variable(m.constant(-Infinity)), weight = fn.variable(m.constant(0));
      const eachPart = (use: (line: Value<"i32">) => void) =>
        fn.for(i32.const(0), args.i32("parts"), 1, (part) => use(fn.let(i32.add(i32.mul(part, n), row))));
      const factor = (line: Value<"i32">) => flushedExp(m, m.sub(load("shift", line), top));
      if (softmax) {
        eachPart((line) => fn.set(top, m.pmax(top, load("shift", line))));
        eachPart((line) => fn.set(weight, m.add(weight, m.mul(load("weight", line), factor(line)))));
      }
      fn.for(i32.const(0), d, 1, (k) => {
        const total = fn.variable(m.constant(0));
        eachPart((line) => {
          const own = load("total", fn.let(i32.add(i32.mul(line, d), k)));
          fn.set(total, m.add(total, softmax ? m.mul(own, factor(line)) : own));
        });
        const result = softmax ? m.div(total, weight) : total;
        store(fn, i32.add(args.i32("y"), i32.mul(i32.add(i32.mul(row, d), k), i32.const(size))), result);
      });
    });

    function store(fn: FunctionBuilder, address: Value<"i32">, value: V): void {
      fn.run(size === 8 ? v128.store64Lane(address, value, 0) : v128.store32Lane(address, value, 0));
    }
  }, "run");
  return module.bytes();
}
