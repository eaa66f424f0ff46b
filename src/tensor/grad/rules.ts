import type { Kept } from "../../ops/define.ts";
import { opNamed } from "../../ops/registry.ts";
import { tensorCalculus } from "../calculus.ts";
import type { Tensor } from "../tensor.ts";
import { directTangents } from "./tangents.ts";
import type { Cotangents, StepCall } from "./trace.ts";

/** How a step is differentiated. */
export interface Rule {
  /** What it is called in errors. */
  readonly name: string;
  /** Cotangents of the inputs from those of the outputs, linear in these; absent if it has no derivative. */
  readonly vjp?: (call: StepCall) => Cotangents | Promise<Cotangents>;
  /** Whether `vjp` may give a promise, and who records the step waits for it. */
  readonly waits?: boolean;
  /** Tangents of the outputs from those of the inputs. Absent: found by transposing `vjp`. */
  readonly jvp?: (call: TangentCall) => Cotangents;
  /** What `vjp` reads the values of; absent means everything. */
  readonly keeps?: (wanted: ReadonlySet<string>) => Kept;
}

/** What a rule for tangents is given. */
export interface TangentCall extends Omit<StepCall, "cotangents" | "wanted"> {
  /** Tangents of the inputs; absent where zero. */
  readonly tangents: Cotangents;
}

/** The rule of an op of the registry, called with these options. */
export function opRule(name: string, params: object): Rule {
  const op = opNamed(name);
  return {
    name,
    vjp: op.vjp && ((call) => {
      const [out] = Object.values(call.outputs);
      return op.vjp!(tensorCalculus(out.device), { ...call, params });
    }),
    jvp: directTangents(name, params),
    keeps: op.keeps && ((wanted) => op.keeps!(params, wanted)),
  };
}

/** The rule of a linear map of one tensor `x`, given with its adjoint: what views are. */
export function linearRule(name: string, apply: (x: Tensor) => Tensor, adjoint: (g: Tensor) => Tensor): Rule {
  return {
    name,
    vjp: ({ cotangents }) => ({ x: cotangents.out && adjoint(cotangents.out) }),
    jvp: ({ tangents }) => ({ out: tangents.x && apply(tangents.x) }),
    keeps: () => ({ inputs: [], outputs: [] }),
  };
}
