import type { Tensor } from "../tensor.ts";

/**
 * One differentiation in progress: a call of `grad`, `vjp` or `jvp`. Later ones are inside earlier ones; a tensor may belong to
 * several.
 */
export interface Trace {
  /** Order of opening. */
  readonly id: number;
  /** While its function runs, what is computed from its leaves is recorded; afterwards its tensors are constants. */
  recording: boolean;
  /** The steps whose memory it frees at the end: those of which it is the outermost trace. */
  readonly steps: Step[];
}

/** A recorded step: from its inputs' cotangents the walk backwards gets those of the inputs. */
export interface Step {
  /** Order of recording: a step comes after those whose results it reads. */
  readonly id: number;
  /** What it is called in errors. */
  readonly name: string;
  /** The outermost trace that it belongs to. */
  readonly owner: Trace;
  /** Where the differentiable inputs come from, by their names. */
  readonly parents: Readonly<Record<string, History>>;
  /** The inputs, in handles of its own; those whose values are not needed are disposed of. */
  readonly inputs: Readonly<Record<string, Tensor | number>>;
  /** The outputs, likewise. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Cotangents of the inputs from those of the outputs; absent for a leaf, which hands on what it gets. */
  readonly vjp?: (call: StepCall) => Cotangents | Promise<Cotangents>;
}

/** What the vector-Jacobian product of a step is given. */
export interface StepCall {
  /** The step's inputs. */
  readonly inputs: Readonly<Record<string, Tensor | number>>;
  /** The step's outputs. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Cotangents of the outputs; absent where none arrives. */
  readonly cotangents: Cotangents;
  /** The inputs whose cotangents are asked for. */
  readonly wanted: ReadonlySet<string>;
}

/** Cotangents (or tangents) by name; an absent one is zero. */
export type Cotangents = Readonly<Record<string, Tensor | undefined>>;

/** Where a tensor comes from: an output of a step. */
export interface History {
  readonly step: Step;
  readonly output: string;
}

/** What a tensor carries while it is differentiated. */
export interface Tracks {
  /** The step that made it, for reverse mode. */
  readonly history?: History;
  /** Its tangent in each trace of forward mode; these handles are disposed of with the tensor's. */
  readonly tangents?: ReadonlyMap<Trace, Tensor>;
}

let traces = 0, steps = 0;

/** Begins a differentiation. */
export function openTrace(): Trace {
  return { id: traces++, recording: true, steps: [] };
}

/** Ends it and frees what it kept. */
export function closeTrace(trace: Trace): void {
  trace.recording = false;
  for (const step of trace.steps) freeStep(step);
  trace.steps.length = 0;
}

/** Enters a step into its owner. */
export function addStep(step: Omit<Step, "id">): Step {
  const added = { id: steps++, ...step };
  step.owner.steps.push(added);
  return added;
}

/** Lets go of a step's handles. */
export function freeStep(step: Step): void {
  for (const input of Object.values(step.inputs)) if (typeof input !== "number") input.dispose();
  for (const output of Object.values(step.outputs)) output.dispose();
}

/** The history of a tensor that is being differentiated in reverse mode. */
export function liveHistory(tracks: Tracks | undefined): History | undefined {
  const history = tracks?.history;
  return history?.step.owner.recording ? history : undefined;
}

/** What of a tensor's tracks is outside of a trace: the history of outer traces, and tangents of outer ones. */
export function outside(tracks: Tracks | undefined, trace: Trace): Tracks | undefined {
  if (!tracks) return undefined;
  const history = tracks.history && tracks.history.step.owner.id < trace.id ? tracks.history : undefined;
  const tangents = tracks.tangents && new Map([...tracks.tangents].filter(([level]) => level.id < trace.id));
  return history || tangents?.size ? { history, tangents: tangents?.size ? tangents : undefined } : undefined;
}
