import type { FunctionRecord } from "../function_record.ts";
import { CALL, jsCall, noVjp, wgslFloat } from "./rules.ts";

type Rounding = "floor" | "ceil" | "trunc" | "round";

function rounding(name: Rounding, js: string, kink: (x: number) => number): FunctionRecord {
  return {
    name,
    form: CALL,
    arity: [1, 1],
    wgsl: wgslFloat(name),
    js: jsCall(js),
    wasm: (m, a) => (name === "round" ? m.nearest : m[name])(a),
    expandInteger: (x) => x,
    vjp: noVjp,
    roundoff: () => 0,
    domain: { args: [[-10, 10]], smooth: (x) => Math.abs(kink(x) - Math.round(kink(x))) > 0.05 },
  };
}

/** Rounding to integers; `round` takes halves to the even neighbour. The derivatives are 0. */
export const roundings: readonly FunctionRecord[] = [
  rounding("floor", "Math.floor", (x) => x),
  rounding("ceil", "Math.ceil", (x) => x),
  rounding("trunc", "Math.trunc", (x) => x),
  rounding("round", "h.roundEven", (x) => x + 0.5),
];
