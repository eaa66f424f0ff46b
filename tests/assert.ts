/**
 * The assertions that the tests use, under the names of `@std/assert`.
 *
 * `deno.json` maps `@std/assert` here so that the tests run where the JSR registry cannot be reached; with a network
 * that reaches it, map the name to `jsr:@std/assert@^1` instead and nothing else changes.
 *
 * @module
 */
import { AssertionError, deepStrictEqual, notDeepStrictEqual } from "node:assert";

export { AssertionError };

/** Fails unless `value` is truthy. */
export function assert(value: unknown, message = "Expected a truthy value"): asserts value {
  if (!value) throw new AssertionError({ message });
}

/** Fails unless the two values are deeply and strictly equal (`NaN` equals `NaN`, `-0` differs from `0`). */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  deepStrictEqual(actual, expected, message);
}

/** Fails if the two values are deeply and strictly equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  notDeepStrictEqual(actual, expected, message);
}

/** Fails unless `Object.is(actual, expected)`. */
export function assertStrictEquals<T>(actual: unknown, expected: T, message?: string): asserts actual is T {
  if (!Object.is(actual, expected)) {
    throw new AssertionError({ message: message ?? "Values are not identical", actual, expected });
  }
}

/** Fails unless `|actual − expected| ≤ tolerance`. */
export function assertAlmostEquals(actual: number, expected: number, tolerance: number, message?: string): void {
  if (Object.is(actual, expected) || Math.abs(actual - expected) <= tolerance) return;
  throw new AssertionError({ message: message ?? `Expected ${actual} to be within ${tolerance} of ${expected}` });
}

/** Fails unless `text` contains `part`. */
export function assertStringIncludes(text: string, part: string, message?: string): void {
  if (!text.includes(part)) {
    throw new AssertionError({ message: message ?? `Expected the text to include ${JSON.stringify(part)}:\n${text}` });
  }
}

/** Fails unless `text` matches `pattern`. */
export function assertMatch(text: string, pattern: RegExp, message?: string): void {
  if (!pattern.test(text)) {
    throw new AssertionError({ message: message ?? `Expected the text to match ${pattern}:\n${text}` });
  }
}

// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = new (...args: any[]) => E;

function checkError<E extends Error>(error: unknown, kind?: ErrorClass<E>, part?: string): E {
  if (!(error instanceof Error)) throw new AssertionError({ message: `Expected an Error to be thrown, got ${error}` });
  if (kind && !(error instanceof kind)) {
    throw new AssertionError({ message: `Expected ${kind.name}, got ${error.name}: ${error.message}` });
  }
  if (part !== undefined) assertStringIncludes(error.message, part);
  return error as E;
}

/** Fails unless `fn` throws, an error of class `kind` whose message includes `part`; returns the error. */
export function assertThrows<E extends Error = Error>(fn: () => unknown, kind?: ErrorClass<E>, part?: string): E {
  try {
    fn();
  } catch (error) {
    return checkError(error, kind, part);
  }
  throw new AssertionError({ message: "Expected the function to throw" });
}

/** Fails unless the promise of `fn` rejects with an error of class `kind` whose message includes `part`; returns the error. */
export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  kind?: ErrorClass<E>,
  part?: string,
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return checkError(error, kind, part);
  }
  throw new AssertionError({ message: "Expected the promise to reject" });
}
