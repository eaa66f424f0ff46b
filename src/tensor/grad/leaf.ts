import type { Tensor } from "../tensor.ts";
import { addStep, liveHistory, type Step, type Trace } from "./trace.ts";

/**
 * A variable of a differentiation: another handle of `x`, made by a step that does nothing. If `x` is itself differentiated by outer
 * traces, the step stands in their histories too. The handle belongs to no scope.
 */
export function addLeaf(trace: Trace, x: Tensor): { tensor: Tensor; step: Step } {
  const from = liveHistory(x.tracks), hollow = x.share();
  hollow.dispose();
  const step = addStep({
    name: "leaf",
    owner: from && from.step.owner.id < trace.id ? from.step.owner : trace,
    parents: from ? { x: from } : {},
    inputs: { x: hollow },
    outputs: {},
  });
  return { tensor: x.share({ history: { step, output: "out" }, tangents: x.tracks?.tangents }), step };
}
