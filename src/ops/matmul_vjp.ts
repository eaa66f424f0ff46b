import { leaves } from "../formula/mod.ts";
import type { Calculus, Kept, VjpCall } from "./define.ts";
import type { MatmulParams } from "./matmul.ts";
import { PRODUCT } from "./matmul_layout.ts";
import { partialsOf, readByPartials } from "./partials.ts";
import type { ArrayType } from "./value.ts";

/**
 * y = φ(P, c, …) elementwise with P = A B, so P̄ = ȳ · ∂φ/∂P and c̄ = ȳ · ∂φ/∂c. From dP = dA B + A dB and ⟨P̄, dP⟩:
 *   Ā = P̄ Bᵀ and B̄ = Aᵀ P̄,
 * and if the input is the transpose of A (or B), its cotangent is the transpose of that. All are summed over the axes
 * along which an input was broadcast.
 */
export function matmulVjp<T extends ArrayType>(
  k: Calculus<T>,
  { inputs, outputs, cotangents, params, wanted }: VjpCall<T, MatmulParams>,
): Record<string, T | undefined> {
  const g = cotangents.out;
  if (!g) return {};
  const { transposeA = false, transposeB = false } = params;
  const multiply = (x: T, y: T, transposeX: boolean, transposeY: boolean) =>
    k.apply("matmul", { a: x, b: y }, { transposeA: transposeX, transposeB: transposeY }).out;
  const a = inputs.a as T, b = inputs.b as T;

  const { seed, of } = partialsOf(params.epilogue ?? PRODUCT), asked = (name: string) => wanted?.has(name) !== false;
  const known: Record<string, T | number> = { [seed]: g };
  for (const [name, x] of Object.entries(inputs)) if (name !== "a" && name !== "b") known[name] = x;
  const partialOf = (name: string): T | undefined => {
    const partial = of.get(name);
    if (!partial) return undefined;
    const used = leaves(partial).names;
    if (partial.kind === "name" && partial.name === seed) return g;
    // Only derivatives that depend on the product need it again.
    if (used.includes(PRODUCT)) known[PRODUCT] ??= multiply(a, b, transposeA, transposeB);
    const value = k.map(partial, Object.fromEntries(used.map((id) => [id, known[id]])));
    return k.broadcastTo(value, outputs.out.shape);
  };

  const result: Record<string, T | undefined> = {};
  for (const name of of.keys()) {
    const x = inputs[name];
    if (name === PRODUCT || typeof x === "number" || !asked(name)) continue;
    const term = partialOf(name);
    if (term) result[name] = k.unbroadcast(term, x.shape);
  }
  const p = asked("a") || asked("b") ? partialOf(PRODUCT) : undefined;
  if (p && asked("a")) {
    const gradientA = transposeA ? multiply(b, p, transposeB, true) : multiply(p, b, false, !transposeB);
    result.a = k.unbroadcast(gradientA, a.shape);
  }
  if (p && asked("b")) {
    const gradientB = transposeB ? multiply(p, a, true, transposeA) : multiply(a, p, !transposeA, false);
    result.b = k.unbroadcast(gradientB, b.shape);
  }
  return result;
}

/** What `matmulVjp` reads: the other factor, and what the epilogue's derivatives do; both factors if these need the product again. */
export function matmulKeeps({ epilogue = PRODUCT }: MatmulParams, wanted: ReadonlySet<string>): Kept {
  const factors = wanted.has("a") || wanted.has("b");
  const read = readByPartials(epilogue, factors ? [...wanted, PRODUCT] : wanted);
  const inputs = read.filter((name) => name !== PRODUCT), again = read.length > inputs.length;
  if (again || wanted.has("a")) inputs.push("b");
  if (again || wanted.has("b")) inputs.push("a");
  return { inputs, outputs: [] };
}
