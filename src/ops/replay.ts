import type { Cost, Device, Launch, Storage } from "../device/mod.ts";
import { type Expr, key as structure } from "../formula/mod.ts";
import { allocateValue, type ArrayType, type Operand, type Value } from "./value.ts";

/** Scratch memory of a call. */
export interface Scratch {
  readonly storage: Storage;
  /** Texels of an image, or bytes. */
  readonly size: number;
}

/** A call that has been prepared once: what it dispatched, with places instead of storages. */
export interface Recording {
  /** `op/variant` and the roofline, for the profiler. */
  readonly label: string;
  readonly cost: Cost;
  readonly outputs: Readonly<Record<string, ArrayType>>;
  readonly scratch: readonly { readonly image: boolean; readonly size: number; readonly label: string }[];
  /** Launches, and the places of what they read and write: inputs first, then outputs, then scratch memory. */
  readonly steps: readonly {
    readonly launch: Launch;
    readonly read: readonly number[];
    readonly write: readonly number[];
  }[];
}

/** Calls that are remembered; then all are forgotten. */
const KEPT = 1024;

/**
 * The calls of a device: preparing a call takes longer than recording its dispatches, and programs repeat themselves. A call that comes
 * the second time is written down, and from then on replayed.
 */
const books = new WeakMap<Device, Map<string, Recording | "seen" | "unfit">>();

/** Replays a call like an earlier one; undefined if there is none. */
export function replay(
  device: Device,
  key: string,
  inputs: Readonly<Record<string, Operand>>,
): Record<string, Value> | undefined {
  const known = books.get(device)?.get(key);
  if (known === undefined || typeof known === "string") return undefined;
  const outputs: Record<string, Value> = {};
  const places: Storage[] = [], scratch: Storage[] = [];
  try {
    for (const name in inputs) {
      const value = inputs[name];
      if (typeof value !== "number") places.push(value.storage);
    }
    for (const name in known.outputs) {
      outputs[name] = allocateValue(device, known.outputs[name], known.label.slice(0, known.label.indexOf("/")));
      places.push(outputs[name].storage);
    }
    for (const { image, size, label } of known.scratch) {
      const storage = image ? device.allocateImage(size, label) : device.allocate(size, label);
      scratch.push(storage);
      places.push(storage);
    }
    for (const { launch, read, write } of known.steps) {
      device.dispatch({ ...launch, read: read.map((k) => places[k]), write: write.map((k) => places[k]) });
    }
  } catch (error) {
    for (const name in outputs) outputs[name].storage.release();
    throw error;
  } finally {
    for (const storage of scratch) storage.release();
  }
  device.account(known.label, known.cost);
  return outputs;
}

/** Whether the call should be written down: it came before and can be. */
export function isRepeated(device: Device, key: string): boolean {
  let book = books.get(device);
  if (!book) books.set(device, book = new Map());
  const known = book.get(key);
  if (known !== undefined) return known === "seen";
  if (book.size >= KEPT) book.clear();
  book.set(key, "seen");
  return false;
}

/** Writes a call down, if all that its launches touch is its own. */
export function writeDown(
  device: Device,
  key: string,
  inputs: Readonly<Record<string, Operand>>,
  outputs: Readonly<Record<string, Value>>,
  scratch: readonly Scratch[],
  launches: readonly Launch[],
  about: Pick<Recording, "label" | "cost">,
): void {
  const operands = Object.values(inputs).flatMap((v) => typeof v === "number" ? [] : [v.storage]);
  const places = [...operands, ...Object.values(outputs).map((v) => v.storage), ...scratch.map((s) => s.storage)];
  const placesOf = (storages: readonly Storage[]) => storages.map((s) => places.indexOf(s));
  const steps = launches.map((launch) => ({ launch, read: placesOf(launch.read), write: placesOf(launch.write) }));
  const fit = steps.every(({ read, write }) => !read.includes(-1) && !write.includes(-1));
  books.get(device)!.set(
    key,
    !fit ? "unfit" : {
      ...about,
      outputs: Object.fromEntries(Object.entries(outputs).map(([n, { shape, dtype }]) => [n, { shape, dtype }])),
      scratch: scratch.map(({ storage, size }) => ({ image: storage.kind === "image", size, label: storage.label })),
      // What the launches were recorded with must not be kept alive by them.
      steps: steps.map((step) => ({ ...step, launch: { ...step.launch, read: [], write: [] } })),
    },
  );
}

/**
 * A text that two calls of an op share if they are prepared alike: it has all that decides on their launches, but for where the memory
 * is. Undefined if an option cannot be written as text.
 */
export function callKey(op: object, inputs: Readonly<Record<string, Operand>>, params: unknown): string | undefined {
  const options = written(params);
  if (options === undefined) return undefined;
  // By identity: a notebook may define an op of the same name anew.
  let id = ids.get(op);
  if (id === undefined) ids.set(op, id = next++);
  let text = `${id}${options}`;
  const storages: Storage[] = [];
  for (const name in inputs) {
    const value = inputs[name];
    if (typeof value === "number") text += `|${name}=${exact(value)}`;
    else {
      const { dtype, shape, strides, offset, storage } = value;
      // Operands that share their memory are told apart from those that do not.
      let same = storages.indexOf(storage);
      if (same < 0) same = storages.push(storage) - 1;
      text += `|${name}:${dtype} ${shape} ${strides} ${offset} ${same}`;
    }
  }
  return text;
}

const ids = new WeakMap<object, number>();
let next = 0;

function exact(value: number): string {
  return Object.is(value, -0) ? "-0" : `${value}`;
}

function written(value: unknown): string | undefined {
  switch (typeof value) {
    case "undefined":
    case "boolean":
      return `${value}`;
    case "number":
      return exact(value);
    case "string":
      return `${value.length}"${value}`;
    case "object": {
      if (value === null) return "null";
      if (isFormula(value)) return written(structure(value));
      const plain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
      let text = "{";
      for (const name in value) {
        const part = written((value as Record<string, unknown>)[name]);
        if (part === undefined || !plain) return undefined;
        text += `${name}:${part},`;
      }
      return `${text}}`;
    }
    default:
      return undefined;
  }
}

const KINDS = new Set<unknown>(["number", "name", "element", "call"]);

function isFormula(value: object): value is Expr {
  return "kind" in value && KINDS.has(value.kind);
}
