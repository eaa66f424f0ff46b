import { DisposedError } from "../device/mod.ts";
import type { Tensor } from "../tensor/mod.ts";
import type { LinearOperator, OperatorPart } from "./linear_operator.ts";

/** How many operators need what one of them owns. */
export interface Hold {
  count: number;
  readonly release: () => void;
}

const holds = new WeakMap<object, Hold>();

/** Ties an operator to what it holds. */
export function setHold(operator: LinearOperator, hold: Hold): void {
  holds.set(operator, hold);
}

/** Holds the operators that are read, so that they outlive their own `dispose`. */
export function holdOf(
  shape: readonly [number, number],
  reads: readonly OperatorPart[],
  owns: readonly OperatorPart[],
): Hold {
  const operands = reads.map((part) => holds.get(part)).filter((hold) => hold !== undefined);
  for (const operand of operands) requireHeld(operand, shape);
  for (const operand of operands) operand.count++;
  return {
    count: 1,
    release: () => {
      for (const part of owns) part.dispose();
      for (const operand of operands) if (--operand.count === 0) operand.release();
    },
  };
}

/** Refuses an operator that was disposed of and that no other one needs. */
export function requireHeld(hold: Hold, shape: readonly [number, number]): void {
  if (hold.count > 0) return;
  throw new DisposedError(`Cannot use the operator [${shape.join(", ")}] after it was disposed of`);
}

/** Which tensors an operator takes over and which it borrows. */
export function ownership(
  tensors: readonly Tensor[],
  owns: boolean | readonly Tensor[] = false,
): { reads: readonly Tensor[]; owns: readonly Tensor[] } {
  const all = [...new Set(tensors)], own = (t: Tensor) => typeof owns === "boolean" ? owns : owns.includes(t);
  return { reads: all.filter((t) => !own(t)), owns: all.filter(own) };
}
