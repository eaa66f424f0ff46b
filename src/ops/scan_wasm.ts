import { byteSize } from "../device/mod.ts";
import { floatLanes, i32, integerLanes, type V, v128, type Value, WasmModule } from "../formula/wasm/mod.ts";
import type { NativeVariant } from "./define.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import type { ScanParams } from "./scan.ts";
import { sizeOf, type Value as ArrayValue } from "./value.ts";
import { Arguments } from "./wasm_formula.ts";

type Scalar = "f32" | "f64" | "i32" | "u32";

/** Elements that a thread takes at a time: some 20 µs. */
const GRAIN = 20_000;

/** What the code depends on. */
interface Shape {
  readonly scalar: Scalar;
  readonly params: ScanParams;
  /** Vectors of neighbouring lines that are scanned at once; 0 for one line by itself. */
  readonly vectors: 0 | 1 | 4;
}

/** Lines in WebAssembly: neighbouring lines in the lanes, or one after the other. */
export const scanNatives: readonly NativeVariant<ScanParams>[] = [{
  name: "wasm",
  when: (call) => call.outputs.out.dtype !== "f16",
  record: (call) => {
    const { out } = call.outputs, { params } = call, { axis, scan, exclusive, reverse } = params;
    const scalar = out.dtype as Scalar, size = byteSize(scalar), lanes = 16 / size;
    const x = call.dense(call.inputs.x as ArrayValue);
    const a = scan === "linear" ? call.dense(call.inputs.a as ArrayValue) : x;
    const n = out.shape[axis], inner = sizeOf(out.shape.slice(axis + 1)), outer = sizeOf(out.shape.slice(0, axis));
    const vectors = inner % (4 * lanes) === 0 ? 4 : inner % lanes === 0 ? 1 : 0;
    const width = vectors === 0 ? 1 : vectors * lanes, step = inner * size;
    call.launch({
      key: `${scan}|${scalar}|${vectors}|${exclusive}`,
      args: {
        x: addressOf(x),
        a: addressOf(a),
        y: addressOf(out),
        n: { i32: n },
        groups: { i32: inner / width },
        line: { i32: n * step },
        first: { i32: reverse ? (n - 1) * step : 0 },
        step: { i32: reverse ? -step : step },
      },
      code: (target) => code({ scalar, params, vectors }, target),
      count: outer * inner / width,
      grain: Math.max(1, Math.round(GRAIN / n)),
    });
  },
}];

function code({ scalar, params: { scan, exclusive = false }, vectors }: Shape, target: HostTarget) {
  const module = new WasmModule({ shared: target.shared }), size = byteSize(scalar);
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, last, base] = fn.params, args = new Arguments(fn, base, target);
    const l = scalar === "f32" || scalar === "f64" ? floatLanes(fn, scalar) : integerLanes(fn, scalar);
    const start = l.constant(
      scan !== "max" || scalar === "u32" ? 0 : scalar === "i32" ? -(2 ** 31) : -Infinity,
    );
    const single = size === 8 ? v128.load64Zero : v128.load32Zero;
    const storeOne = size === 8 ? v128.store64Lane : v128.store32Lane;
    const load = (address: Value<"i32">, q: number): V =>
      fn.let(vectors === 0 ? single(address) : v128.load(address, 16 * q));
    const count = Math.max(1, vectors), bytes = vectors === 0 ? size : 16 * vectors;
    fn.for(first, last, 1, (item) => {
      const outer = fn.let(i32.divU(item, args.i32("groups")));
      const group = i32.sub(item, i32.mul(outer, args.i32("groups")));
      const offset = fn.variable(
        i32.add(i32.add(i32.mul(outer, args.i32("line")), args.i32("first")), i32.mul(group, i32.const(bytes))),
      );
      const states = Array.from({ length: count }, () => fn.variable(start));
      fn.for(i32.const(0), args.i32("n"), 1, () => {
        const to = fn.let(i32.add(args.i32("y"), offset)), from = fn.let(i32.add(args.i32("x"), offset));
        const factors = scan === "linear" ? fn.let(i32.add(args.i32("a"), offset)) : from;
        states.forEach((s, q) => {
          const store = () => fn.run(vectors === 0 ? storeOne(to, s, 0) : v128.store(to, s, 16 * q));
          if (exclusive) store();
          const v = load(from, q);
          const next = scan === "max"
            ? l.max(s, v)
            : scan === "sum"
            ? l.add(s, v)
            : l.add(l.mul(load(factors, q), s), v);
          fn.set(s, next);
          if (!exclusive) store();
        });
        fn.set(offset, i32.add(offset, args.i32("step")));
      });
    });
  }, "run");
  return module.bytes();
}
