import { typedArray } from "../../device/mod.ts";
import { currentScope, newScope, withScope } from "../scope.ts";
import { Tensor } from "../tensor.ts";
import type { StepInputs } from "./record.ts";
import type { Rule, TangentCall } from "./rules.ts";
import { closeTrace, type Cotangents, openTrace, outside, type Step, type Trace } from "./trace.ts";
import { addLeaf } from "./leaf.ts";
import { finish, finishNow, type Waiting } from "./waiting.ts";
import { fitted, type Seed, walk } from "./walk.ts";

/**
 * Gives outputs their tangents in each of the traces `levels`, outer ones first. The tangent of a trace is computed from what the
 * inputs carry outside of it, so it has itself tangents and a history in outer traces, and none in its own: tangents of different
 * traces are never taken for each other.
 */
export function pushForward(
  rule: Rule,
  inputs: StepInputs,
  outputs: Readonly<Record<string, Tensor>>,
  floats: readonly string[],
  levels: readonly Trace[],
): void | Promise<void> {
  const sorted = [...levels].sort((a, b) => a.id - b.id);
  for (let k = 0; k < sorted.length; k++) {
    const done = pushLevel(rule, inputs, outputs, floats, sorted[k]);
    if (done) {
      return done.then(async () => {
        for (const level of sorted.slice(k + 1)) await pushLevel(rule, inputs, outputs, floats, level);
      });
    }
  }
}

function pushLevel(
  rule: Rule,
  inputs: StepInputs,
  outputs: Readonly<Record<string, Tensor>>,
  floats: readonly string[],
  level: Trace,
): void | Promise<void> {
  const scope = newScope(), bare: Record<string, Tensor | number> = Object.create(null);
  const tangents: Record<string, Tensor> = Object.create(null), made: Record<string, Tensor> = Object.create(null);
  const handle = (x: Tensor): Tensor => {
    const own = x.share(outside(x.tracks, level));
    scope.add(own);
    return own;
  };
  for (const [name, x] of Object.entries(inputs)) {
    bare[name] = typeof x === "object" ? handle(x) : Number(x);
    const tangent = typeof x === "object" ? x.tracks?.tangents?.get(level) : undefined;
    if (tangent) tangents[name] = tangent;
  }
  for (const name in outputs) made[name] = handle(outputs[name]);
  const call: TangentCall = { inputs: bare, outputs: made, tangents };
  const settle = (found: Cotangents): void => {
    withScope(scope, () => {
      for (const name of floats) {
        const tangent = found[name], out = outputs[name];
        if (!tangent) continue;
        const own = fitted(tangent, out, rule.name, name);
        const known = out.tracks?.tangents ?? [];
        out.tracks = { ...out.tracks, tangents: new Map([...known, [level, own.share(own.tracks)]]) };
      }
    });
  };
  const tidy = () => {
    for (const temporary of scope) temporary.dispose();
  };
  let waits = false;
  try {
    const found = withScope(scope, () => rule.jvp ? rule.jvp(call) : transposed(rule, call, floats));
    if (found instanceof Promise) {
      waits = true;
      return found.then(settle).finally(tidy);
    }
    settle(found);
  } finally {
    if (!waits) tidy();
  }
}

/**
 * The tangents of outputs by the vector-Jacobian product alone: it is linear in the cotangents u, so what maps ẋ to J ẋ is its own
 * adjoint, found by walking back through it from the inputs' tangents to u.
 */
function transposed(rule: Rule, call: TangentCall, floats: readonly string[]): Cotangents | Promise<Cotangents> {
  const work = pullThrough(rule, call, floats);
  if (rule.waits) return finish(work);
  return finishNow(work, (name) => `Cannot take a tangent through "${name}" at once: its gradient is a promise`);
}

function* pullThrough(
  rule: Rule,
  { inputs, outputs, tangents }: TangentCall,
  floats: readonly string[],
): Waiting<Cotangents> {
  const trace = openTrace(), leaves: Record<string, Step> = Object.create(null);
  const cotangents: Record<string, Tensor> = Object.create(null);
  try {
    for (const name of floats) {
      // Any u will do, but at zero some products branch.
      const { device, shape, dtype } = outputs[name], one = typedArray(dtype, 1);
      one[0] = 1;
      const leaf = addLeaf(trace, Tensor.of(device, one, [], dtype).broadcastTo(shape));
      currentScope()?.add(leaf.tensor);
      leaves[name] = leaf.step;
      cotangents[name] = leaf.tensor;
    }
    const wanted = new Set(Object.keys(tangents));
    let found = rule.vjp!({ inputs, outputs, cotangents, wanted });
    if (found instanceof Promise) found = (yield { promise: found, name: rule.name }) as Cotangents;
    const seeds: Seed[] = [];
    for (const name of wanted) {
      const product = found[name] && fitted(found[name], inputs[name] as Tensor, rule.name, name);
      const history = product?.tracks?.history;
      if (history) seeds.push({ history, cotangent: tangents[name]! });
    }
    trace.recording = false;
    const arrived = yield* walk(seeds, Object.values(leaves));
    const result: Record<string, Tensor | undefined> = Object.create(null);
    for (const name of floats) {
      const tangent = result[name] = arrived.get(leaves[name]);
      if (tangent) currentScope()?.add(tangent);
    }
    return result;
  } finally {
    closeTrace(trace);
  }
}
