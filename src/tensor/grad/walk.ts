import { showShape } from "../../ops/value.ts";
import { newScope, withScope } from "../scope.ts";
import { Tensor } from "../tensor.ts";
import type { Waiting } from "./waiting.ts";
import { type Cotangents, freeStep, type History, type Step, type Trace } from "./trace.ts";

/** A cotangent and where it arrives. */
export interface Seed {
  readonly history: History;
  readonly cotangent: Tensor;
}

/**
 * Walks from outputs back to leaves in the reverse order of recording and gives the leaves' cotangents, each in a handle of its own;
 * no entry where none arrives. Steps that lead to no leaf are passed by. With `free`, what a step of that trace kept is let go of when
 * the walk has passed it.
 */
export function* walk(seeds: readonly Seed[], leaves: readonly Step[], free?: Trace): Waiting<Map<Step, Tensor>> {
  const ends = new Set(leaves), reaching = stepsBetween(seeds, ends);
  const arrived = new Map<Step, Record<string, Tensor>>();
  const add = (at: History, cotangent: Tensor): void => {
    let own = arrived.get(at.step);
    if (!own) arrived.set(at.step, own = Object.create(null) as Record<string, Tensor>);
    const known = own[at.output];
    if (known) {
      const sum = known.add(cotangent);
      own[at.output] = sum.share(sum.tracks);
      known.dispose();
    } else own[at.output] = cotangent.share(cotangent.tracks);
  };
  const release = (step: Step): void => {
    for (const cotangent of Object.values(arrived.get(step) ?? {})) cotangent.dispose();
    arrived.delete(step);
  };
  const scope = newScope();
  const tidy = () => {
    for (const temporary of scope) temporary.dispose();
    scope.clear();
  };
  try {
    withScope(scope, () => {
      for (const { history, cotangent } of seeds) if (reaching.has(history.step)) add(history, cotangent);
    });
    tidy();
    for (const step of [...reaching].sort((a, b) => b.id - a.id)) {
      const cotangents = arrived.get(step);
      if (ends.has(step)) continue;
      if (cotangents) {
        const wanted = new Set(Object.keys(step.parents).filter((name) => reaching.has(step.parents[name].step)));
        let found = withScope(scope, () => cotangentsOf(step, cotangents, wanted));
        if (found instanceof Promise) found = (yield { promise: found, name: step.name }) as Cotangents;
        const ready = found;
        withScope(scope, () => {
          for (const name of wanted) {
            const cotangent = ready[name];
            if (cotangent) add(step.parents[name], fitted(cotangent, step.inputs[name] as Tensor, step.name, name));
          }
        });
        release(step);
        tidy();
      }
      if (free && step.owner === free) freeStep(step);
    }
    const result = new Map<Step, Tensor>();
    for (const leaf of leaves) {
      const found = arrived.get(leaf)?.out;
      if (found) result.set(leaf, found);
      arrived.delete(leaf);
    }
    return result;
  } finally {
    tidy();
    for (const step of [...arrived.keys()]) release(step);
  }
}

/** The steps that are both behind a seed and before a leaf, the leaves among them. */
export function stepsBetween(seeds: readonly { history: History }[], leaves: ReadonlySet<Step>): Set<Step> {
  let oldest = Infinity;
  for (const leaf of leaves) oldest = Math.min(oldest, leaf.id);
  const found = new Set<Step>(), open: Step[] = [];
  const visit = (step: Step): void => {
    if (step.id < oldest || found.has(step)) return;
    found.add(step);
    if (!leaves.has(step)) open.push(step);
  };
  for (const { history } of seeds) visit(history.step);
  for (let step = open.pop(); step; step = open.pop()) {
    for (const name in step.parents) visit(step.parents[name].step);
  }
  const reaching = new Set<Step>();
  for (const step of [...found].sort((a, b) => a.id - b.id)) {
    if (leaves.has(step) || Object.values(step.parents).some((from) => reaching.has(from.step))) reaching.add(step);
  }
  return reaching;
}

function cotangentsOf(
  step: Step,
  cotangents: Record<string, Tensor>,
  wanted: ReadonlySet<string>,
): Cotangents | Promise<Cotangents> {
  // The leaf of another differentiation hands on what it gets.
  if (!step.vjp) return { x: cotangents.out };
  return step.vjp({ inputs: step.inputs, outputs: step.outputs, cotangents, wanted });
}

/** A cotangent in the shape and dtype of what it belongs to. */
export function fitted(cotangent: Tensor, like: Tensor, step: string, name: string): Tensor {
  if (!(cotangent instanceof Tensor)) {
    throw new TypeError(`Expected the gradient of "${step}" by "${name}" to be a tensor, got ${typeof cotangent}`);
  }
  if (cotangent.shape.length !== like.shape.length || cotangent.shape.some((s, k) => s !== like.shape[k])) {
    throw new TypeError(
      `Expected the gradient of "${step}" by "${name}" to have the shape ${showShape(like.shape)}, got ${
        showShape(cotangent.shape)
      }`,
    );
  }
  return cotangent.dtype === like.dtype ? cotangent : cotangent.astype(like.dtype);
}
