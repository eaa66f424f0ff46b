import { builtin } from "../device/runtime.ts";

/** Something that can be disposed of. */
interface Disposable {
  dispose(): void;
}

/** Tensors made inside one call of `scope`, and the seeds of what is drawn at random in it if it has to be drawn again. */
export type Scope = Set<Disposable> & { seeds?: Seeds };

/** Seeds in the order of drawing, and how many have been used. */
export interface Seeds {
  readonly list: number[];
  used: number;
}

interface Storage {
  run<R>(store: Scope, fn: () => R): R;
  getStore(): Scope | undefined;
}

/** Follows a scope through `await`; where the host has no such thing, the scope entered last counts. */
function makeStorage(): Storage {
  const hooks = builtin("node:async_hooks");
  if (hooks) return new hooks.AsyncLocalStorage<Scope>();
  const stack: Scope[] = [];
  return {
    run: (store, fn) => {
      stack.push(store);
      const leave = () => {
        const at = stack.lastIndexOf(store);
        if (at >= 0) stack.splice(at, 1);
      };
      let result: ReturnType<typeof fn>;
      try {
        result = fn();
      } catch (error) {
        leave();
        throw error;
      }
      if (result instanceof Promise) return result.finally(leave) as typeof result;
      leave();
      return result;
    },
    getStore: () => stack.at(-1),
  };
}

const storage = makeStorage();

/** The scope that new tensors belong to. */
export function currentScope(): Scope | undefined {
  return storage.getStore();
}

/** A scope inside of the current one. */
export function newScope(seeds: Seeds | undefined = currentScope()?.seeds): Scope {
  return Object.assign(new Set<Disposable>(), { seeds });
}

/** The seed of what is drawn at random without one: a new one, or the one from last time where a function is run again. */
export function nextSeed(): number {
  const seeds = currentScope()?.seeds;
  if (!seeds) return freshSeed();
  if (seeds.used === seeds.list.length) seeds.list.push(freshSeed());
  return seeds.list[seeds.used++];
}

function freshSeed(): number {
  return Math.floor(Math.random() * 2 ** 53);
}

/** Runs `fn` with the tensors that it makes entered into `scope`, through its awaits too; they are not disposed of. */
export function withScope<R>(scope: Scope, fn: () => R): R {
  return storage.run(scope, fn);
}

/**
 * Runs `fn` and disposes of every tensor made in it, save those in what it returns (a tensor, or arrays and objects of them).
 */
export async function runScope<R>(fn: () => R | Promise<R>): Promise<R> {
  const outer = currentScope(), scope = newScope();
  try {
    const result = await storage.run(scope, async () => await fn());
    // What was made elsewhere stays with whoever made it.
    release(scope, result, outer);
    return result;
  } finally {
    for (const tensor of scope) tensor.dispose();
  }
}

/** Disposes of what a scope holds, save the tensors in `kept`, which go over to the scope `outer`. */
export function release(scope: Scope, kept: unknown, outer: Scope | undefined): void {
  for (const tensor of disposablesIn(kept)) if (scope.delete(tensor)) outer?.add(tensor);
  for (const tensor of scope) tensor.dispose();
  scope.clear();
}

function* disposablesIn(value: unknown, seen: Set<unknown> = new Set()): Generator<Disposable> {
  if (typeof value !== "object" || value === null || seen.has(value) || ArrayBuffer.isView(value)) return;
  seen.add(value);
  if (typeof (value as Partial<Disposable>).dispose === "function") yield value as Disposable;
  // What can be disposed of may hold tensors, as a sparse matrix does.
  for (const part of Object.values(value)) yield* disposablesIn(part, seen);
}
