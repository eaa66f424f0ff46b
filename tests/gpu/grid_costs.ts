/**
 * Costs between the cells of grids, written out in f64.
 *
 * @module
 */

/** Σ_k term(x_k − y_k) between all cells of a grid, in row-major order. */
export function gridCosts(
  shape: readonly number[],
  spacing: readonly number[],
  term: (difference: number) => number,
): Float64Array {
  const cells = shape.reduce((n, s) => n * s, 1), C = new Float64Array(cells * cells);
  const place = (cell: number) => {
    const at: number[] = [];
    for (let k = shape.length - 1; k >= 0; cell = Math.floor(cell / shape[k]), k--) {
      at.unshift((cell % shape[k]) * spacing[k]);
    }
    return at;
  };
  const places = Array.from({ length: cells }, (_, i) => place(i));
  for (let i = 0; i < cells; i++) {
    for (let j = 0; j < cells; j++) {
      C[i * cells + j] = places[i].reduce((s, x, k) => s + term(x - places[j][k]), 0);
    }
  }
  return C;
}
