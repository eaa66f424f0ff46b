/** Squared distances within a cloud. */
export const squaredWithin = (points: number[][]): number[][] =>
  points.map((u) => points.map((v) => u.reduce((s, x, k) => s + (x - v[k]) ** 2, 0)));

/** Σ (C1_ik − C2_jl)² P_ij P_kl by four loops in f64. */
export function distortionOf(C1: number[][], C2: number[][], P: number[][]): number {
  let sum = 0;
  P.forEach((row, i) =>
    row.forEach((p, j) => P.forEach((other, k) => other.forEach((q, l) => sum += p * q * (C1[i][k] - C2[j][l]) ** 2)))
  );
  return sum;
}

/** A turned, shifted copy of points in the plane, and its points in this order. */
export const turned = (points: number[][], order: readonly number[]): number[][] =>
  order.map((i) => {
    const [u, v] = points[i], [c, s] = [Math.cos(0.7), Math.sin(0.7)];
    return [c * u - s * v + 11, s * u + c * v - 4];
  });
