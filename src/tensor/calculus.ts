import type { Device } from "../device/mod.ts";
import type { Calculus } from "../ops/define.ts";
import { leaves } from "../formula/mod.ts";
import { toExpr } from "../ops/formulas.ts";
import { Tensor, upload } from "./tensor.ts";
import type { Range } from "./views.ts";

/** Arithmetic on tensors as vector-Jacobian products are written in. */
export function tensorCalculus(device: Device): Calculus<Tensor> {
  return {
    apply: (op, inputs, params) => Tensor.apply(op, inputs, params, device),
    map: (formula, inputs) => {
      const expr = toExpr(formula), { names } = leaves(expr);
      return Tensor.map(expr, Object.fromEntries(names.map((n) => [n, inputs[n]])), undefined, device);
    },
    range: (n) => upload(device, Float32Array.from({ length: n }, (_, k) => k), [n], "f32", "range"),
    unbroadcast: (value, shape) => {
      const lead = value.rank - shape.length;
      const axes = value.shape.flatMap((s, k) => k < lead || (shape[k - lead] === 1 && s !== 1) ? [k] : []);
      if (axes.length === 0) return value;
      using summed = value.sum(axes);
      return summed.reshape(shape);
    },
    broadcastTo: (value, shape) => value.broadcastTo(shape),
    reshape: (value, shape) => value.reshape(shape),
    slice: (value, starts, stops) => value.slice(...starts.map((start, k): Range => [start, stops[k]])),
    permute: (value, axes) => value.transpose(axes),
  };
}
