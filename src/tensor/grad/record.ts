import { isFloat } from "../../device/mod.ts";
import type { Tensor } from "../tensor.ts";
import { pushForward } from "./push_forward.ts";
import type { Rule } from "./rules.ts";
import { addStep, type History, liveHistory, type Trace } from "./trace.ts";

/** Inputs of a step, by name. */
export type StepInputs = Readonly<Record<string, Tensor | number | boolean>>;

/** Whether any of the inputs carries something of a differentiation. */
export function isTracked(inputs: StepInputs): boolean {
  for (const name in inputs) {
    const x = inputs[name];
    if (typeof x === "object" && x.tracks !== undefined) return true;
  }
  return false;
}

/**
 * Joins outputs to the inputs that they were computed from: their history where inputs are differentiated in reverse mode, their
 * tangents where in forward mode. What the outputs carried before is replaced. Gives a promise only if the rule does.
 */
export function record(
  rule: Rule,
  inputs: StepInputs,
  outputs: Readonly<Record<string, Tensor>>,
): void | Promise<void> {
  const parents: Record<string, History> = Object.create(null), levels = new Set<Trace>();
  let owner: Trace | undefined;
  for (const name in inputs) {
    const x = inputs[name], tracks = typeof x === "object" ? x.tracks : undefined;
    if (!tracks) continue;
    const history = liveHistory(tracks);
    if (history) {
      parents[name] = history;
      if (!owner || history.step.owner.id < owner.id) owner = history.step.owner;
    }
    for (const level of tracks.tangents?.keys() ?? []) if (level.recording) levels.add(level);
  }
  if (!owner && levels.size === 0) return;
  const floats = Object.keys(outputs).filter((name) => isFloat(outputs[name].dtype));
  if (floats.length === 0) return;
  if (!rule.vjp) throw new TypeError(`"${rule.name}" has no derivative: hold its inputs constant with stopGradient`);

  for (const name in outputs) outputs[name].tracks = undefined;
  const step = owner && addStep({
    name: rule.name,
    owner,
    parents,
    vjp: rule.vjp,
    inputs: Object.create(null),
    outputs: Object.create(null),
  });
  if (step) { for (const name of floats) outputs[name].tracks = { history: { step, output: name } }; }
  const keep = (): void => {
    if (!step) return;
    const kept = rule.keeps?.(new Set(Object.keys(parents))) ?? {};
    const inputsOf = step.inputs as Record<string, Tensor | number>, outputsOf = step.outputs as Record<string, Tensor>;
    for (const name in inputs) {
      const x = inputs[name];
      inputsOf[name] = typeof x === "object" ? ownHandle(x, kept.inputs?.includes(name) ?? true) : Number(x);
    }
    for (const name in outputs) outputsOf[name] = ownHandle(outputs[name], kept.outputs?.includes(name) ?? true);
  };
  const done = levels.size ? pushForward(rule, inputs, outputs, floats, [...levels]) : undefined;
  // After the tangents, which the walk back reads too.
  return done ? done.then(keep) : keep();
}

/** A handle for a step, disposed of at once if only its shape and dtype are needed. */
function ownHandle(x: Tensor, needed: boolean): Tensor {
  const handle = x.share(needed ? { history: liveHistory(x.tracks), tangents: x.tracks?.tangents } : undefined);
  if (!needed) handle.dispose();
  return handle;
}
