import { byteSize, type DType, isFloat } from "../device/mod.ts";
import { compile, leaves, size } from "../formula/mod.ts";
import { requireArray } from "./contract_checks.ts";
import { defineOp, type HostArray, type HostInputs, hostTypes, type InputTypes, type OpDefinition } from "./define.ts";
import { formulaBounds } from "./error_bounds.ts";
import { type Plan, planFormula } from "./formula_kernel.ts";
import { type Formula, resultType } from "./formulas.ts";
import { inDouble } from "./in_double.ts";
import { partialsOf } from "./partials.ts";
import { broadcastIndex } from "./reference_index.ts";
import { sampledCases } from "./sparse_cases.ts";
import { eachEntry, requireRows } from "./sparse_pattern.ts";
import { sampledKernels } from "./sparse_sampled_kernels.ts";
import { sampledNatives } from "./sparse_sampled_wasm.ts";
import { type ArrayType, broadcastShapes, showShape } from "./value.ts";

/** Options of `sampledMatmul`. */
export interface SampledMatmulParams {
  /** Formula of each entry over `product` and the further inputs, which have one value per entry or one for all. Default `product`. */
  readonly epilogue?: Formula;
}

/** Name by which the epilogue reads the product. */
export const PRODUCT = "product";
/** Largest finite f32. */
const HUGE = 3.4e38;
const OWN = ["starts", "columns", "a", "b"];

/** The checked epilogue of a call. */
export function sampledPlan(inputs: InputTypes, params: SampledMatmulParams): { plan: Plan; dtype: DType } {
  const { room } = requireRows(inputs, ["columns"]), a = requireArray(inputs, "a"), b = requireArray(inputs, "b");
  const n = inputs.starts!.shape[0] - 1;
  if (a.shape.length !== 2 || b.shape.length !== 2 || a.shape[1] !== b.shape[1] || a.shape[0] !== n) {
    throw new TypeError(
      `Cannot sample a bᵀ of a ${showShape(a.shape)} and b ${showShape(b.shape)}: expected a [${n}, k] and b [m, k]`,
    );
  }
  if (!isFloat(a.dtype) || a.dtype !== b.dtype) {
    throw new TypeError(`Cannot sample a bᵀ of a ${a.dtype} and b ${b.dtype}: expected floats of one dtype`);
  }
  const types: Record<string, ArrayType | null> = Object.create(null);
  types[PRODUCT] = { shape: [room], dtype: a.dtype };
  for (const [name, type] of Object.entries(inputs)) {
    if (OWN.includes(name)) continue;
    if (name === PRODUCT) {
      throw new TypeError(`Cannot call an input "${PRODUCT}": the epilogue reads the product by this name`);
    }
    if (type && broadcastShapes({ "the entries": [room], [name]: type.shape }).join() !== `${room}`) {
      throw new TypeError(`Cannot broadcast ${name} ${showShape(type.shape)} to the entries [${room}]`);
    }
    types[name] = type;
  }
  const plan = planFormula(params.epilogue ?? PRODUCT, types);
  const other = Object.keys(types).find((name) => name !== PRODUCT && !plan.names.includes(name));
  if (other) throw new TypeError(`Input "${other}" is not used: the epilogue reads ${plan.names.join(", ")}`);
  // A formula that does not read the product is still of its type.
  const dtype = plan.names.length ? resultType(plan.scalar, plan.boolean, types, plan.names) : a.dtype;
  return { plan: { ...plan, scalar: plan.names.length || a.dtype !== "f64" ? plan.scalar : "f64" }, dtype };
}

/**
 * Products at the entries of a CSR pattern [n, m] alone (SDDMM): out[k] = φ(Σ_q a[i, q] b[j, q], …) for the entry k at (i, j), of `a`
 * [n, k] and `b` [m, k], with an epilogue φ. 0 where there is no entry. Also evaluates a formula on the values of a pattern.
 */
export const sampledMatmul: OpDefinition<SampledMatmulParams> = defineOp({
  name: "sampledMatmul",

  contract(inputs, params) {
    const { dtype } = sampledPlan(inputs, params);
    return { out: { shape: [inputs.columns!.shape[0]], dtype } };
  },

  reference(inputs, params, { out }) {
    const { plan } = sampledPlan(hostTypes(inputs), params);
    const f = compile(plan.expr, plan.names, plan.scalar);
    const at = plan.names.map((name) => name === PRODUCT ? undefined : broadcastIndex(inputs[name], out.shape));
    eachProduct(inputs, (k, product) => out.data[k] = Number(f(...at.map((x) => x?.(k) ?? product))));
  },

  kernels: sampledKernels,

  natives: sampledNatives,

  // P = a bᵀ at the entries and y = φ(P, c, …) there: P̄ = ȳ ∂φ/∂P and c̄ = ȳ ∂φ/∂c, which are formulas on the pattern themselves; with
  // P̄ as the values of a sparse matrix, ā = P̄ b and b̄ = P̄ᵀ a.
  vjp(k, { inputs, cotangents, params, wanted }) {
    const g = cotangents.out, a = inputs.a as typeof g, b = inputs.b as typeof g;
    if (!g || !a || !b) return {};
    const { starts, columns } = inputs, { seed, of } = partialsOf(params.epilogue ?? PRODUCT);
    const asked = (name: string) => wanted?.has(name) !== false;
    const partialOf = (name: string): typeof g | undefined => {
      const partial = of.get(name);
      if (!partial) return undefined;
      const used = leaves(partial).names;
      const extras = Object.fromEntries(
        used.filter((id) => id !== PRODUCT).map((id) => [id, id === seed ? g : inputs[id]]),
      );
      const factors = used.includes(PRODUCT)
        ? { a, b }
        : { a: k.slice(a, [0, 0], [a.shape[0], 0]), b: k.slice(b, [0, 0], [b.shape[0], 0]) };
      return k.apply("sampledMatmul", { starts, columns, ...factors, ...extras }, { epilogue: partial }).out;
    };
    const result: Record<string, typeof g | undefined> = {};
    for (const name of of.keys()) {
      const x = inputs[name];
      if (name === PRODUCT || typeof x === "number" || !asked(name)) continue;
      const term = partialOf(name);
      if (term) result[name] = k.unbroadcast(term, x.shape);
    }
    const p = asked("a") || asked("b") ? partialOf(PRODUCT) : undefined;
    if (!p) return result;
    if (asked("a")) result.a = k.apply("sparseMatmul", { starts, columns, values: p, b }, {}).out;
    if (!asked("b")) return result;
    const turned = k.apply("csrTranspose", { starts, columns }, { columns: b.shape[0] });
    const entries = k.apply("gather", { x: p, indices: turned.order }, { axis: 0 }).out;
    const transposed = { starts: turned.starts, columns: turned.columns, values: entries };
    result.b = k.apply("sparseMatmul", { ...transposed, b: a }, {}).out;
    return result;
  },

  keeps: () => ({ outputs: [] }),

  cost(inputs, params, { out }) {
    const { plan } = sampledPlan(inputs, params), { a, b } = inputs, room = out.shape[0], k = a!.shape[1];
    return {
      flops: room * (2 * k + (size(plan.expr) - 1) / 2),
      bytes: room * (4 + byteSize(out.dtype)) + byteSize(a!.dtype) * k * (a!.shape[0] + b!.shape[0]),
    };
  },

  // The product is off by at most (k + 2) u Σ|a b|; the epilogue passes that on as its values at both ends of the interval show, and adds
  // its own rounding.
  error(inputs, params, { out }, u) {
    const { plan } = sampledPlan(hostTypes(inputs), params), bound = new Float64Array(out.data.length);
    const inner = plan.scalar === "f64" ? u : 2 ** -24, depth = (inputs.a as HostArray).shape[1];
    const f = compile(plan.expr, plan.names, plan.scalar), own = formulaBounds(plan.expr, plan.names, inner);
    const at = plan.names.map((name) => name === PRODUCT ? undefined : broadcastIndex(inputs[name], out.shape));
    eachProduct(inputs, (k, product, magnitude) => {
      // A partial sum may overflow although the whole does not, and meet an infinity of the other sign.
      if (plan.scalar !== "f64" && magnitude > HUGE && !Number.isNaN(product)) {
        bound[k] = Infinity;
        return;
      }
      const values = (p: number) => at.map((x) => x?.(k) ?? p);
      const spread = (depth + 2) * inner * magnitude, centre = Number(f(...values(product)));
      const ends = spread > 0 ? [product - spread, product + spread] : [];
      const moved = ends.map((p) => Math.abs(Number(f(...values(p))) - centre));
      const rounding = [product, ...ends].map((p) => own(values(p)));
      const sum = Math.max(0, ...moved) + Math.max(...rounding) + u * Math.abs(out.data[k]);
      bound[k] = Number.isNaN(sum) ? (Number.isFinite(centre) ? Infinity : 0) : sum;
    });
    return { out: bound };
  },

  cases: [...sampledCases, ...inDouble(sampledCases)],
});

/** Calls `visit` with each entry, its product and the sum of the absolute values of its terms. */
function eachProduct(inputs: HostInputs, visit: (entry: number, product: number, magnitude: number) => void): void {
  const columns = (inputs.columns as HostArray).data, b = (inputs.b as HostArray).data;
  const { data: a, shape: [, depth] } = inputs.a as HostArray;
  eachEntry(inputs, (row, k) => {
    let product = 0, magnitude = 0;
    for (let q = 0; q < depth; q++) {
      const term = a[row * depth + q] * b[columns[k] * depth + q];
      product += term;
      if (Number.isFinite(term)) magnitude += Math.abs(term);
    }
    visit(k, product, magnitude);
  });
}
