import { grad, stopGradient, type Tensor, withVjp } from "../../tensor/mod.ts";
import type { Tensors } from "./problem.ts";

/** The names of a solution's tensors among those of the problem. */
const SOLUTION = "solution.";

/** What is minimized, with the constraints by their multipliers, at a solution that is held: a tensor of one number. */
export type Lagrangian = (inputs: Tensors, solution: Tensors, wanted: ReadonlySet<string>) => Tensor | Promise<Tensor>;

/**
 * Joins the value of a solved problem to the tensors that the problem is made of, by the envelope theorem: at a stationary point the value's derivative is
 * that of the Lagrangian with the solution and its multipliers held (Milgrom and Segal, "Envelope Theorems for Arbitrary Choice Sets", 2002,
 * section 1; Bonnans and Shapiro, "Perturbation Analysis of Optimization Problems", 2000, section 4.3). In second derivatives the solution moves too: they
 * are refused.
 *
 * @param value The value, a constant; it is returned.
 * @param inputs What may be differentiated by.
 * @param solution What the Lagrangian holds; kept until the derivative is done.
 * @param lagrangian Only its derivatives are used: constant terms may be left out, and those of inputs that are not wanted.
 * @param rigid Parts of the solution that do not move (as the plan of a linear program), so that second derivatives may hold them.
 */
export async function joinValue(
  name: string,
  value: Tensor,
  inputs: Tensors,
  solution: Tensors,
  lagrangian: Lagrangian,
  rigid: readonly string[] = [],
): Promise<Tensor> {
  const held = Object.fromEntries(Object.entries(solution).map(([key, t]) => [SOLUTION + key, t]));
  await withVjp(name, { ...inputs, ...held }, { value }, async ({ inputs: all, cotangents, wanted }) => {
    const now: Record<string, Tensor> = {}, fixed: Record<string, Tensor> = {};
    for (const [key, t] of Object.entries(all)) {
      if (key.startsWith(SOLUTION)) fixed[key.slice(SOLUTION.length)] = stopGradient(t);
      else now[key] = t;
    }
    // Whoever differentiates the derivative comes upon the solution.
    const moving = Object.fromEntries(Object.entries(fixed).filter(([key]) => !rigid.includes(key)));
    await withVjp(name, now, moving, () => refuseSecond(name));
    const at = async (given: Tensors) => (await lagrangian({ ...now, ...given }, fixed, wanted)).mul(cotangents.value!);
    return grad(at, { unreached: "zeros" })(Object.fromEntries([...wanted].map((key) => [key, all[key]])));
  });
  return value;
}

/** Lets a value and its first derivatives through, and refuses second ones: for what was computed at a solution that is held. */
export async function firstOrder(name: string, value: Tensor): Promise<Tensor> {
  const out = stopGradient(value);
  await withVjp(name, { value }, { out }, async ({ inputs, cotangents }) => {
    const one = stopGradient(inputs.value).mul(0).add(1);
    await withVjp(name, inputs, { one }, () => refuseSecond(name));
    return { value: cotangents.out!.mul(one) };
  });
  return out;
}

function refuseSecond(name: string): never {
  throw new TypeError(
    `"${name}" has first derivatives only: its solution is held there, and would move in second ones`,
  );
}
