import { byteSize, type DType, type HostArgument } from "../device/mod.ts";
import { i32, select, WasmModule } from "../formula/wasm/mod.ts";
import type { HostCall } from "./define.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import { isDense, type Value } from "./value.ts";
import { gatherLanes, storeLanes } from "./wasm_elements.ts";
import { Arguments } from "./wasm_formula.ts";

/** Elements that a thread takes at a time. */
const GRAIN = 8192;

/**
 * The address of rows `[n]` or `[n, d]` in groups of so many rows of the scalar type, component after component, so that a vector has
 * one component of neighbouring rows. The last group repeats the last row, where a copy is needed at all.
 */
export function packRows(
  call: Pick<HostCall<unknown>, "launch" | "temporary">,
  value: Value,
  scalar: "f32" | "f64",
  group: number,
): HostArgument {
  const [n, d = 1] = value.shape, { dtype } = value;
  if (dtype === scalar && (group === 1 || d === 1) && isDense(value)) return addressOf(value);
  const groups = Math.ceil(n / group);
  const packed = call.temporary({ shape: [groups * group * d], dtype: scalar });
  call.launch({
    key: `pack|${dtype}|${scalar}|${group}`,
    args: {
      from: addressOf(value),
      to: addressOf(packed),
      n: { i32: n },
      d: { i32: d },
      row_step: { i32: value.strides[0] * byteSize(dtype) },
      step: { i32: (value.strides[1] ?? 0) * byteSize(dtype) },
    },
    code: (target) => packKernel(dtype, scalar, group, target),
    count: groups,
    grain: Math.max(1, Math.ceil(GRAIN / (group * Math.max(1, d)))),
  });
  return addressOf(packed);
}

function packKernel(dtype: DType, scalar: "f32" | "f64", group: number, target: HostTarget): Uint8Array<ArrayBuffer> {
  const module = new WasmModule({ shared: target.shared }), bytes = group * byteSize(scalar);
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target), d = args.i32("d");
    fn.for(first, end, 1, (item) => {
      const last = i32.sub(args.i32("n"), i32.const(1));
      const from = Array.from({ length: group }, (_, lane) => {
        const row = fn.let(i32.add(i32.mul(item, i32.const(group)), i32.const(lane)));
        const held = lane === 0 ? row : select(i32.ltS(row, last), row, last);
        return fn.variable(i32.add(args.i32("from"), i32.mul(held, args.i32("row_step"))));
      });
      const to = fn.variable(i32.add(args.i32("to"), i32.mul(i32.mul(item, d), i32.const(bytes))));
      fn.for(i32.const(0), d, 1, () => {
        const gather = gatherLanes(fn, dtype);
        from.forEach((address, lane) => {
          gather.set(lane, address);
          fn.set(address, i32.add(address, args.i32("step")));
        });
        storeLanes(fn, scalar, scalar, to, gather.value(scalar), group === 1 ? "first" : undefined);
        fn.set(to, i32.add(to, i32.const(bytes)));
      });
    });
  }, "run");
  return module.bytes();
}
