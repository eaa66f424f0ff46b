import { byteSize, type DType } from "../device/mod.ts";
import { compile, gradient, leaves, size } from "../formula/mod.ts";
import { defineOp, hostTypes, type KernelCall } from "./define.ts";
import { mapDoubleCases } from "./double_cases.ts";
import { formulaBounds } from "./error_bounds.ts";
import { formulaFunction, formulaInputs, planFormula, plansKey } from "./formula_kernel.ts";
import { type Formula, plainSignature, resultType, storeAs, toExpr } from "./formulas.ts";
import { type Indexing, indexing } from "./indexing.ts";
import { mapCases } from "./map_cases.ts";
import { mapNatives } from "./map_wasm.ts";
import { broadcastIndex } from "./reference_index.ts";
import { typesOf } from "./types_of.ts";
import { broadcastShapes, broadcastStrides, sizeOf } from "./value.ts";

/** Options of `map`: one formula per output, with the dtype it is stored as (default: what the formula gives). */
export type MapParams = Readonly<Record<string, { readonly formula: Formula; readonly dtype?: DType }>>;

const WORKGROUP = 64;

/** Elementwise: `out[k] = formula(inputs[k])` over broadcast inputs, several outputs from one reading of the inputs. */
export const map = defineOp<MapParams>({
  name: "map",

  contract(inputs, params) {
    const shapes: Record<string, readonly number[]> = {};
    for (const [name, type] of Object.entries(inputs)) if (type) shapes[name] = type.shape;
    const shape = broadcastShapes(shapes);
    const outputs: Record<string, { shape: number[]; dtype: DType }> = {};
    for (const [name, { formula, dtype }] of Object.entries(params)) {
      const { scalar, boolean, names } = planFormula(formula, inputs);
      outputs[name] = { shape, dtype: dtype ?? resultType(scalar, boolean, inputs, names) };
    }
    return outputs;
  },

  reference(inputs, params, outputs) {
    for (const [name, { formula }] of Object.entries(params)) {
      const out = outputs[name], { scalar, names, expr } = planFormula(formula, hostTypes(inputs));
      const f = compile(expr, names, scalar);
      const at = names.map((n) => broadcastIndex(inputs[n], out.shape));
      const values = new Array<number>(names.length);
      const truncate = out.dtype === "i32" || out.dtype === "u32";
      for (let k = 0; k < out.data.length; k++) {
        for (let q = 0; q < names.length; q++) values[q] = at[q](k);
        const y = f(...values);
        out.data[k] = out.dtype === "bool" ? Number(y !== 0) : truncate ? Math.trunc(y) : y;
      }
    }
  },

  kernels: [
    {
      // Four neighbours per invocation: twice the bandwidth of single loads.
      name: "vec4",
      when: (call) => {
        const { arrays, index } = prepare(call);
        return arrays.every((a, k) =>
          index.strides[k].length === 0 || (index.strides[k].join() === "1" && a.value.offset % 4 === 0)
        );
      },
      rank: () => 1,
      record: (call) => record(call, true),
    },
    { name: "strided", record: (call) => record(call, false) },
  ],

  natives: mapNatives,

  // y = f(a, b, …), so ȧ = ȳ · ∂f/∂a, summed over the axes along which a was broadcast.
  vjp(k, { inputs, cotangents, params }) {
    // No prototype: an operand may be called "constructor".
    const result: Record<string, ReturnType<typeof k.map> | undefined> = Object.create(null);
    for (const [output, { formula }] of Object.entries(params)) {
      const g = cotangents[output];
      if (!g) continue;
      const expr = toExpr(formula), { names } = leaves(expr);
      let seed = "cotangent";
      while (names.includes(seed)) seed += "_";
      const partials = gradient(expr, plainSignature([...names, seed]), { kind: "name", name: seed });
      for (const name of names) {
        const x = inputs[name], partial = partials.get(name);
        if (typeof x === "number" || !partial) continue;
        const term = k.unbroadcast(k.map(partial, { ...inputs, [seed]: g }), x.shape);
        const known = result[name];
        result[name] = known ? k.map("a + b", { a: known, b: term }) : term;
      }
    }
    return result;
  },

  cost(inputs, params, outputs) {
    let bytes = 0, flops = 0;
    for (const type of Object.values(inputs)) if (type) bytes += sizeOf(type.shape) * byteSize(type.dtype);
    for (const [name, type] of Object.entries(outputs)) {
      bytes += sizeOf(type.shape) * byteSize(type.dtype);
      flops += sizeOf(type.shape) * Math.max(0, (size(toExpr(params[name].formula)) - 1) / 2);
    }
    return { bytes, flops };
  },

  error(inputs, params, outputs, u) {
    const bounds: Record<string, Float64Array> = {};
    for (const [name, { formula }] of Object.entries(params)) {
      const out = outputs[name], { expr, names, scalar } = planFormula(formula, hostTypes(inputs));
      const at = names.map((n) => broadcastIndex(inputs[n], out.shape));
      const bound = formulaBounds(expr, names, scalar === "f32" ? 2 ** -24 : u);
      bounds[name] = out.data.map((y, k) => bound(at.map((f) => f(k))) + u * Math.abs(y));
    }
    return bounds;
  },

  cases: [...mapCases, ...mapDoubleCases],
});

/** Plans, inputs and indexing of a call. */
function prepare(call: KernelCall<MapParams>) {
  const types = typesOf(call.inputs);
  const plans = Object.keys(call.outputs).map((name) => planFormula(call.params[name].formula, types));
  const inputs = formulaInputs(call.inputs, plans);
  const { shape, strides } = Object.values(call.outputs)[0];
  const index: Indexing = indexing("i", shape, inputs.arrays.map((a) => broadcastStrides(a.value, shape)), [strides]);
  return { ...inputs, plans, index };
}

function record(call: KernelCall<MapParams>, vec4: boolean): void {
  const { plans, arrays, read, uniforms, key, apply, index } = prepare(call);
  const outputs = Object.values(call.outputs);
  const n = sizeOf(outputs[0].shape);
  const moves = (k: number) => index.strides[k].length > 0;
  const shifted = { ...uniforms };
  if (vec4) arrays.forEach((a, k) => moves(k) && (shifted[`o${k}`] = a.value.offset / 4));

  call.launch({
    key: `${plansKey(plans)}|${key}|${index.key}`,
    read,
    write: Object.fromEntries(outputs.map((v, k) => [`y${k}`, v])),
    elements: vec4
      ? Object.fromEntries([
        ...arrays.flatMap((a, k) => moves(k) ? [[`x${k}`, vectorOf(a.value.dtype)]] : []),
        ...outputs.map((v, k) => [`y${k}`, vectorOf(v.dtype)]),
      ])
      : {},
    uniforms: { n, ...index.uniforms, ...shifted },
    workgroupSize: WORKGROUP,
    workgroups: Math.ceil((vec4 ? Math.ceil(n / 4) : n) / WORKGROUP),
    declarations: () => {
      const helpers = new Map<string, string>();
      const functions = plans.map((plan, k) => {
        const { dtype } = outputs[k], returns = dtype === "bool" ? "u32" : dtype;
        return formulaFunction(`formula${k}`, plan, returns, (v, b) => storeAs(dtype, plan.scalar, b, v), helpers);
      });
      return [...helpers.values(), ...functions].join("\n");
    },
    body: () => {
      const lines = [`if (id >= ${vec4 ? "(p.n + 3u) / 4u" : "p.n"}) { return; }`];
      if (!vec4) lines.push(...index.lines("id"));
      outputs.forEach((out, k) => {
        const at = (lane: string) => (q: number) =>
          `x${q}[p.o${q} + ${moves(q) && vec4 ? "id" : index.offset(q)}]${moves(q) ? lane : ""}`;
        const value = (lane: string) => apply(`formula${k}`, plans[k], at(lane));
        lines.push(
          vec4
            ? `y${k}[id] = ${vectorOf(out.dtype)}(${[".x", ".y", ".z", ".w"].map(value).join(", ")});`
            : `y${k}[id] = ${value("")};`,
        );
      });
      return lines.join("\n");
    },
  });
}

function vectorOf(dtype: DType): string {
  return `vec4<${dtype === "bool" ? "u32" : dtype}>`;
}
