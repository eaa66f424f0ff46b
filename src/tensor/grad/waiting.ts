/** A promise that work waits for. */
export interface Awaited {
  readonly promise: Promise<unknown>;
  /** What gives it: a step whose gradient is asynchronous; none for the function that is differentiated. */
  readonly name?: string;
}

/** Work that may have to wait: it yields what it waits for. */
export type Waiting<R> = Generator<Awaited, R, unknown>;

/**
 * Runs work to its end: at once if the function that is differentiated is synchronous, else as a promise. A synchronous function may have
 * no asynchronous gradients in it: nobody could wait for them.
 */
export function finishLike<R>(work: Waiting<R>): R | Promise<R> {
  const step = work.next();
  if (step.done) return step.value;
  if (step.value.name === undefined) return finish(work, step);
  return refuse(work, step.value, `The gradient of "${step.value.name}" is asynchronous: make the function async`);
}

/** Runs work that may not wait; where it has to, it is refused with the message that `advice` gives. */
export function finishNow<R>(work: Waiting<R>, advice: (name: string | undefined) => string): R {
  const step = work.next();
  return step.done ? step.value : refuse(work, step.value, advice(step.value.name));
}

function refuse(work: Waiting<unknown>, { promise }: Awaited, message: string): never {
  // Its failure, if it has one, comes too late to matter.
  promise.catch(() => {});
  work.throw(new TypeError(message));
  throw new TypeError(message);
}

/** Runs work to its end, waiting where it has to. */
export async function finish<R>(work: Waiting<R>, first?: IteratorResult<Awaited, R>): Promise<R> {
  let step = first ?? work.next();
  while (!step.done) {
    let value: unknown;
    try {
      value = await step.value.promise;
    } catch (error) {
      step = work.throw(error);
      continue;
    }
    step = work.next(value);
  }
  return step.value;
}

/** `V`, or a promise of it if `R` is a promise: a function that is differentiated passes on whether it is async. */
export type LikeResult<R, V> = R extends Promise<unknown> ? Promise<V> : V;
