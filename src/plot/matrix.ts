/**
 * A matrix to draw: an array of rows (arrays or typed arrays), or numbers row by row with their shape `[rows, columns]`.
 */
export type Matrix =
  | readonly ArrayLike<number>[]
  | { readonly data: ArrayLike<number>; readonly shape: readonly number[] };

/** A matrix row by row. */
export interface DenseMatrix {
  readonly data: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
}

/** Whether the data of a heatmap are a matrix rather than a table. */
export function isMatrix(data: unknown): data is Matrix {
  if (Array.isArray(data)) return isNumbers(data[0]);
  return typeof data === "object" && data !== null && "shape" in data && "data" in data && isNumbers(data.data);
}

/**
 * The matrix row by row.
 *
 * @throws {TypeError} If rows differ in length, or the shape does not fit the numbers.
 * @throws {RangeError} If there is no number.
 */
export function toDenseMatrix(matrix: Matrix): DenseMatrix {
  const dense = "shape" in matrix ? shaped(matrix.data, matrix.shape) : stacked(matrix);
  if (dense.rows * dense.columns === 0) {
    throw new RangeError(`Cannot plot an empty matrix: got shape [${dense.rows}, ${dense.columns}]`);
  }
  const { data } = dense;
  for (let i = 0; i < data.length; i++) {
    if (typeof data[i] !== "number") throw new TypeError(`Expected a matrix of numbers, got ${typeof data[i]}`);
  }
  return dense;
}

/**
 * The matrix of the means of blocks of `down` × `across` cells; the last blocks may be smaller. NaN and infinite cells do
 * not count, and a block of nothing else is NaN.
 */
export function blockMeans({ data, rows, columns }: DenseMatrix, down: number, across: number): DenseMatrix {
  const [height, width] = [Math.ceil(rows / down), Math.ceil(columns / across)];
  const sums = new Float64Array(height * width);
  const counts = new Uint32Array(height * width);
  for (let i = 0; i < rows; i++) {
    const start = Math.floor(i / down) * width;
    for (let j = 0; j < columns; j++) {
      const value = data[i * columns + j];
      if (!Number.isFinite(value)) continue;
      const block = start + Math.floor(j / across);
      sums[block] += value;
      counts[block]++;
    }
  }
  return { data: sums.map((sum, k) => sum / counts[k]), rows: height, columns: width };
}

function shaped(data: ArrayLike<number>, shape: readonly number[]): DenseMatrix {
  const [rows, columns] = shape;
  if (shape.length !== 2 || rows * columns !== data.length) {
    throw new TypeError(
      `Expected a matrix of shape [rows, columns], got [${shape.join(", ")}] for ${data.length} numbers`,
    );
  }
  return { data, rows, columns };
}

function stacked(rows: readonly ArrayLike<number>[]): DenseMatrix {
  const columns = rows[0].length;
  rows.forEach((row, i) => {
    if (!isNumbers(row) || row.length !== columns) {
      const got = isNumbers(row) ? `length ${row.length}` : typeof row;
      throw new TypeError(`Expected rows of one length, got length ${columns} in row 0 and ${got} in row ${i}`);
    }
  });
  return { data: rows.flatMap((row) => Array.from(row)), rows: rows.length, columns };
}

function isNumbers(value: unknown): value is ArrayLike<number> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}
