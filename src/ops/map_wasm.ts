import { byteSize, type HostArgument } from "../device/mod.ts";
import { size } from "../formula/mod.ts";
import { type FunctionBuilder, i32, select, type V, type Value, WasmModule } from "../formula/wasm/mod.ts";
import type { HostCall, NativeVariant } from "./define.ts";
import { planFormula } from "./formula_kernel.ts";
import { addressOf, type HostTarget } from "./host_kernel.ts";
import type { MapParams } from "./map.ts";
import { typesOf } from "./types_of.ts";
import { broadcastStrides, collapse, denseStrides, sizeOf } from "./value.ts";
import { gatherLanes, laneCount, loadLanes, loadSplat, storeLanes } from "./wasm_elements.ts";
import { Arguments, wasmInputs, writeFormulas, writeOffsets } from "./wasm_formula.ts";

/** Elements that a thread takes at a time, of a formula of a few operations. */
const GRAIN = 8192;
/** Elements of a row that are one work item. */
const CHUNK = 4096;
/**
 * The same where an array lies across the rows: so many of its cache lines stay at hand while the items go down the rows, until each
 * line has given all its elements.
 */
const NARROW_CHUNK = 64;
/** Rows shorter than this are not worth a loop of their own. */
const SHORT_ROW = 16;

/** `map` in WebAssembly: rows of the collapsed shape in vectors, or vectors across rows that are too short. */
export const mapNatives: readonly NativeVariant<MapParams>[] = [{
  name: "wasm",
  when: (call) => {
    const types = typesOf(call.inputs);
    const counts = Object.values(call.params).map((p) => laneCount(planFormula(p.formula, types).scalar));
    return counts.every((n) => n === counts[0]) && sizeOf(Object.values(call.outputs)[0].shape) < 2 ** 31;
  },
  record: (call) => {
    const prepared = prepare(call), { shape, n, grain } = prepared, last = shape.length - 1;
    if (last > 0 && shape[last] < SHORT_ROW) {
      const items = Math.ceil(n / prepared.lanes);
      call.launch({
        ...prepared.text,
        key: `across|${prepared.text.key}`,
        code: (target) => acrossRows(prepared, target),
        count: items,
        grain: Math.ceil(grain / prepared.lanes),
      });
    } else {
      const { text, row, walks, whole } = prepared, down = last > 0 && walks.includes("apart");
      const chunk = down ? NARROW_CHUNK : CHUNK, chunks = Math.ceil(row / chunk), rows = n / row;
      call.launch({
        key: `rows|${down}|${whole}|${text.key}`,
        args: { ...text.args, row: { i32: row }, chunk: { i32: chunk }, lines: { i32: down ? rows : chunks } },
        code: (target) => alongRows(prepared, down, target),
        count: chunks * rows,
        grain: Math.max(1, Math.round(grain / Math.min(chunk, row))),
      });
    }
  },
}];

/** How a kernel meets an array along the last axis: one element for all, neighbours, or elements apart. */
type Walk = "one" | "next" | "apart";

function prepare(call: HostCall<MapParams>) {
  const types = typesOf(call.inputs), names = Object.keys(call.outputs), outputs = Object.values(call.outputs);
  const plans = names.map((name) => planFormula(call.params[name].formula, types));
  const inputs = wasmInputs(call.inputs, plans), lanes = laneCount(plans[0].scalar);
  const full = outputs[0].shape, n = sizeOf(full);
  const joint = collapse(full, [...inputs.arrays.map((a) => broadcastStrides(a.value, full)), denseStrides(full)]);
  const { shape } = joint, last = shape.length - 1;
  const strides = inputs.arrays.map((a, q) => joint.strides[q].map((s) => s * byteSize(a.value.dtype)));
  const walks = inputs.arrays.map((_, q): Walk => {
    const step = last < 0 ? 0 : joint.strides[q][last];
    return step === 0 ? "one" : step === 1 ? "next" : "apart";
  });
  const args: Record<string, HostArgument> = { ...inputs.args, n: { i32: n } };
  outputs.forEach((y, k) => args[`y${k}`] = addressOf(y));
  shape.forEach((size, k) => args[`d${k}`] = { i32: size });
  strides.forEach((own, q) =>
    own.forEach((step, k) => {
      args[`s${q}_${k}`] = { i32: step };
      // From the end of axis k to the next element along the axis before it.
      args[`b${q}_${k}`] = { i32: (k > 0 ? own[k - 1] : 0) - shape[k] * step };
    })
  );
  const nodes = plans.reduce((sum, plan) => sum + size(plan.expr), 0), row = last < 0 ? 1 : shape[last];
  return {
    plans,
    inputs,
    lanes,
    shape,
    n,
    row,
    walks,
    outputs,
    // One row has padding after it, into which the last vector may be written.
    whole: last <= 0 || row % lanes === 0,
    grain: Math.max(1024, Math.floor(GRAIN / Math.ceil(nodes / 16))),
    text: { args, key: `${inputs.key}|${outputs.map((y) => y.dtype)}|${walks}|${shape.length}` },
  };
}

type Prepared = ReturnType<typeof prepare>;

/** One work item is a part of a row; the next one is the next part of that row, or with `down` the same part of the next row. */
function alongRows(prepared: Prepared, down: boolean, target: HostTarget): Uint8Array<ArrayBuffer> {
  const { plans, inputs, lanes, shape, walks, outputs, whole } = prepared, last = shape.length - 1;
  const module = new WasmModule({ shared: target.shared });
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target);
    const row = args.i32("row"), chunk = args.i32("chunk"), lines = args.i32("lines");
    fn.for(first, end, 1, (item) => {
      const quotient = fn.let(i32.divU(item, lines)), rest = fn.let(i32.sub(item, i32.mul(quotient, lines)));
      const [number, part] = down ? [rest, quotient] : [quotient, rest];
      const from = fn.let(i32.mul(part, chunk)), wish = fn.let(i32.add(from, chunk));
      const to = fn.let(select(i32.ltS(wish, row), wish, row));
      const start = writeOffsets(
        fn,
        number,
        shape.slice(0, Math.max(0, last)).map((_, k) => args.i32(`d${k}`)),
        inputs.arrays.map((_, q) => shape.slice(0, Math.max(0, last)).map((_, k) => args.i32(`s${q}_${k}`))),
        inputs.arrays.map((_, q) => args.i32(`x${q}`)),
      );
      const written = outputs.map((y, k) =>
        fn.let(i32.add(args.i32(`y${k}`), i32.mul(i32.mul(number, row), i32.const(byteSize(y.dtype)))))
      );
      const hoist = {
        section: fn.section(),
        leaves: new Set([...inputs.numbers, ...inputs.arrays.filter((_, q) => walks[q] === "one").map((a) => a.name)]),
      };
      fn.for(from, to, lanes, (counter) => {
        // The last vector of a row is moved back into it: it computes some elements twice.
        const bound = i32.sub(row, i32.const(lanes));
        const k = whole ? counter : fn.let(select(i32.gtS(counter, bound), bound, counter));
        const element = (q: number, scalar: typeof plans[0]["scalar"]): V => {
          const { dtype } = inputs.arrays[q].value;
          if (walks[q] === "one") return loadSplat(fn, scalar, dtype, start[q]);
          const at = (index: Value<"i32">) => i32.add(start[q], i32.mul(index, args.i32(`s${q}_${last}`)));
          if (walks[q] === "next") {
            return loadLanes(fn, scalar, dtype, i32.add(start[q], i32.mul(k, i32.const(byteSize(dtype)))));
          }
          const gather = gatherLanes(fn, dtype);
          const address = fn.variable(at(k));
          for (let lane = 0; lane < lanes; lane++) {
            if (lane > 0) fn.set(address, i32.add(address, args.i32(`s${q}_${last}`)));
            gather.set(lane, address);
          }
          return gather.value(scalar);
        };
        writeFormulas(fn, plans, inputs, args, element, hoist).forEach((formula, f) => {
          const { dtype } = outputs[f];
          const address = fn.let(i32.add(written[f], i32.mul(k, i32.const(byteSize(dtype)))));
          storeLanes(fn, plans[f].scalar, dtype, address, formula.number());
        });
      });
    });
  }, "run");
  return module.bytes();
}

/** One work item is a vector of neighbours in the outputs, whose lanes may be in several rows of the inputs. */
function acrossRows(prepared: Prepared, target: HostTarget): Uint8Array<ArrayBuffer> {
  const { plans, inputs, lanes, shape, outputs } = prepared, last = shape.length - 1;
  const module = new WasmModule({ shared: target.shared });
  module.function(["i32", "i32", "i32"], undefined, (fn) => {
    const [first, end, base] = fn.params, args = new Arguments(fn, base, target);
    const arrays = inputs.arrays.map((a) => a.value);
    const index = fn.let(i32.mul(first, i32.const(lanes)));
    const place = writeOffsets(
      fn,
      index,
      shape.map((_, k) => args.i32(`d${k}`)),
      arrays.map((_, q) => shape.map((_, k) => args.i32(`s${q}_${k}`))),
      arrays.map((_, q) => args.i32(`x${q}`)),
    ) as ReturnType<typeof fn.variable<"i32">>[];
    const coordinates = coordinatesOf(fn, index, shape.map((_, k) => args.i32(`d${k}`)));
    /** One element further, and from the end of everything to the start, so that lanes without elements read something. */
    const advance = (k: number): void => {
      fn.set(coordinates[k], i32.add(coordinates[k], i32.const(1)));
      fn.if(i32.geU(coordinates[k], args.i32(`d${k}`)), () => {
        fn.set(coordinates[k], i32.const(0));
        place.forEach((at, q) => fn.set(at, i32.add(at, args.i32(`b${q}_${k}`))));
        if (k > 0) advance(k - 1);
      });
    };
    fn.for(first, end, 1, (item) => {
      const gathers = arrays.map((a) => gatherLanes(fn, a.dtype));
      for (let lane = 0; lane < lanes; lane++) {
        gathers.forEach((g, q) => g.set(lane, place[q]));
        place.forEach((at, q) => fn.set(at, i32.add(at, args.i32(`s${q}_${last}`))));
        advance(last);
      }
      const values = new Map<string, V>();
      const element = (q: number, scalar: typeof plans[0]["scalar"]): V => {
        const key = `${q} ${scalar}`, known = values.get(key) ?? gathers[q].value(scalar);
        values.set(key, known);
        return known;
      };
      writeFormulas(fn, plans, inputs, args, element).forEach((formula, f) => {
        const { dtype } = outputs[f];
        const address = fn.let(i32.add(args.i32(`y${f}`), i32.mul(item, i32.const(lanes * byteSize(dtype)))));
        storeLanes(fn, plans[f].scalar, dtype, address, formula.number());
      });
    });
  }, "run");
  return module.bytes();
}

/** Coordinates of a flat index, as variables. */
function coordinatesOf(fn: FunctionBuilder, index: Value<"i32">, sizes: readonly Value<"i32">[]) {
  const rest = fn.variable(index);
  return sizes.map((_, j) => {
    const k = sizes.length - 1 - j;
    const own = fn.variable(k > 0 ? i32.remU(rest, sizes[k]) : rest);
    if (k > 0) fn.set(rest, i32.divU(rest, sizes[k]));
    return own;
  }).reverse();
}
