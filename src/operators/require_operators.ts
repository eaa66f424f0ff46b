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
