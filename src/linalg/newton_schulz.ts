import { Tensor } from "../tensor/mod.ts";
import { norm } from "./norm.ts";

/** Coefficients of one step X ← a·X + b·X(XᵀX) + c·X(XᵀX)²: each singular value s becomes a·s + b·s³ + c·s⁵. */
export type Quintic = readonly [a: number, b: number, c: number];

/** Taylor's polynomial of the sign: from any s in (0, 1] it goes to 1, in the end with the third order (Higham 2008, §8.3, [2/0] Padé). */
const NEWTON_SCHULZ: readonly Quintic[] = [[15 / 8, -10 / 8, 3 / 8]];

/**
 * The same five steps each time, steep at zero and never at rest: they bring singular values from 0.0015 to 1 to between 0.68 and 1.21
 * (Jordan et al. 2024, the Muon optimizer).
 */
const MUON: readonly Quintic[] = new Array(5).fill([3.4445, -4.775, 2.0315]);

/**
 * The best polynomials, one after the other, for singular values from 0.001 to 1, slackened by 1.01 against rounding errors; then Taylor's
 * (Amsel, Persson, Musco & Gower 2025, The Polar Express, arXiv:2505.16932).
 */
const POLAR_EXPRESS: readonly Quintic[] = [
  ...([
    [8.28721201814563, -23.595886519098837, 17.300387312530933],
    [4.107059111542203, -2.9478499167379106, 0.5448431082926601],
    [3.9486908534822946, -2.908902115962949, 0.5518191394370137],
    [3.3184196573706015, -2.488488024314874, 0.51004894012372],
    [2.300652019954817, -1.6689039845747493, 0.4188073119525673],
    [1.891301407787398, -1.2679958271945868, 0.37680408948524835],
    [1.8750014808534479, -1.2500016453999487, 0.3750001645474248],
  ] as const).map(([a, b, c]): Quintic => [a / 1.01, b / 1.01 ** 3, c / 1.01 ** 5]),
  ...NEWTON_SCHULZ,
];

/** Names of coefficients; see `coefficients` of `matrixSign`. */
export type Schedule = "newtonSchulz" | "muon" | "polarExpress";

/** Coefficients by name. */
export const SCHEDULES: Readonly<Record<Schedule, readonly Quintic[]>> = {
  newtonSchulz: NEWTON_SCHULZ,
  muon: MUON,
  polarExpress: POLAR_EXPRESS,
};

/** X and how far its columns are from being orthonormal. */
export interface Orthogonalized {
  /** `[..., m, n]`, or its transpose. */
  readonly x: Tensor;
  /** ‖XᵀX − I‖ in Frobenius's norm, `[...]`. */
  readonly residual: Tensor;
}

/** A matrix with m ≥ n divided by its Frobenius norm, so that singular values are at most 1. */
export async function normalized(a: Tensor): Promise<Tensor> {
  using size = await norm(a, { axis: [-2, -1], keepDims: true });
  return Tensor.map("s == 0 ? 0 : x / s", { x: a, s: size });
}

/** XᵀX. */
export function gram(x: Tensor): Tensor {
  using turned = x.T;
  return turned.matmul(x);
}

/** ‖G − I‖ of each matrix. */
export function deviation(g: Tensor, one: Tensor): Tensor {
  using squares = Tensor.reduce("sum", "(g - i)^2", { g, i: one }, [-2, -1]);
  return Tensor.map("s == 0 ? 0 : sqrt(s)", { s: squares });
}

/** One step, of X and its Gram matrix. */
export function quinticStep(x: Tensor, g: Tensor, [a, b, c]: Quintic): Tensor {
  using second = c === 0 ? undefined : g.matmul(g);
  using p = second ? Tensor.map("b * g + c * h", { g, h: second, b, c }) : g.mul(b);
  using moved = x.matmul(p);
  return Tensor.map("a * x + y", { x, y: moved, a });
}

/**
 * Tells of one ‖XᵀX − I‖ after the other whether to stop: at 2·`unit`, about what rounding errors leave; or below 8·`unit`, where the last
 * step did not halve it.
 */
export function settles(unit: number): (error: number) => boolean {
  let before = Infinity;
  return (error) => {
    const done = error <= 2 * unit || error <= 8 * unit && error > before / 2;
    before = error;
    return done;
  };
}
