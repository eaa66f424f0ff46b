import type { LinearOperator } from "./linear_operator.ts";

/** Refuses what are no operators of one dtype and device, at least one. */
export function requireOperators(operators: readonly LinearOperator[], what: string): void {
  if (!Array.isArray(operators)) {
    throw new TypeError(`Expected a list of operators as ${what}, got ${typeof operators}`);
  }
  if (operators.length === 0) throw new TypeError(`Expected at least one operator as ${what}`);
  const [first] = operators;
  operators.forEach((a, k) => {
    if (typeof a?.applyTransposed !== "function") {
      throw new TypeError(
        `Expected operators as ${what}, got ${a === null ? "null" : typeof a} at ${k}; see dense for a matrix`,
      );
    }
    if (a.dtype !== first.dtype || a.device !== first.device) {
      throw new TypeError(
        `Expected ${what} of one dtype and device, got ${first.dtype} on ${first.device.info.name} and ${a.dtype} on ` +
          a.device.info.name,
      );
    }
  });
}

/** Refuses a second operand that does not go with the first. */
export function requireMatching(a: LinearOperator, b: LinearOperator, what: string): void {
  if (typeof b?.applyTransposed !== "function") {
    throw new TypeError(
      `Expected an operator to ${what}, got ${b === null ? "null" : typeof b}; see dense for a matrix`,
    );
  }
  if (a.dtype !== b.dtype) throw new TypeError(`Cannot ${what} operators of ${a.dtype} and ${b.dtype}: dtypes differ`);
  if (a.device !== b.device) {
    throw new TypeError(`Cannot ${what} operators on ${a.device.info.name} and ${b.device.info.name}: devices differ`);
  }
}
