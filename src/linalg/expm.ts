import { stopGradient, Tensor, withVjp } from "../tensor/mod.ts";
import { frechet } from "./gradients/frechet.ts";
import { hostMatrix } from "./host_product.ts";
import { padeExponential } from "./loops/pade_exponential.ts";
import { identity } from "./matrix_power.ts";
import { lapackWith, type MatrixStack, nth, onHost, readMatrices, requireSquare, toTensor } from "./matrix_stack.ts";
import { norm } from "./norm.ts";
import { TAYLOR_LIMIT, taylorExponential } from "./taylor_exponential.ts";

/** Options of {@linkcode expm}. */
export interface ExpmOptions {
  /**
   * `pade`: on the host in f64, whatever the type, by scaling and squaring of Padé approximants (Higham 2005; Al-Mohy & Higham 2009).
   * `taylor`: on the device in the matrix's own type, by scaling and squaring of Taylor's polynomial, products alone (Bader, Blanes & Casas 2019); it is
   * scaled by the 1-norm, and so is less accurate for matrices far from normal. Default: `taylor` for f32 matrices from 64 rows on where
   * products run on an adapter alone, else `pade`.
   */
  method?: "pade" | "taylor";
}

/** From so many rows on a GPU multiplies f32 matrices faster than the host can. */
const DEVICE_ROWS = 64;

/** e^‖A‖ is in range up to here. */
const SAFE_NORM = { f32: 88, f64: 709 } as const;

/**
 * Matrix exponential of each matrix of `[..., n, n]`. Read on the host: the matrix (`pade`), or its 1-norm and whether the result is finite (`taylor`).
 * Throws a `TypeError` for other types than f32 and f64 and matrices that are not square, and a `RangeError` if an element is not
 * finite, or the exponential out of the range of the type. The gradient costs the exponential of a matrix twice as large.
 *
 * @example
 * ```ts
 * import { linalg, open } from "@denovo/denovo";
 * await using gpu = await open({ backend: "cpu" });
 * const turn = gpu.tensor([[0, -Math.PI / 2], [Math.PI / 2, 0]]);
 * console.log(await (await linalg.expm(turn)).array()); // nearly [[0, -1], [1, 0]]
 * ```
 */
export async function expm(a: Tensor, options: ExpmOptions = {}): Promise<Tensor> {
  requireSquare(a, "expm");
  using point = stopGradient(a);
  const outputs = { y: await exponential(point, options) };
  const { y } = await withVjp("expm", { a }, outputs, async ({ inputs, cotangents }) => ({
    a: cotangents.y && await frechet((x) => expm(x, options), inputs.a.T, cotangents.y),
  }));
  return y;
}

async function exponential(a: Tensor, options: ExpmOptions): Promise<Tensor> {
  const byDefault = a.dtype === "f32" && a.device.info.threads === 0 && a.shape.at(-1)! >= DEVICE_ROWS;
  const { method = byDefault ? "taylor" : "pade" } = options;
  if (method !== "pade" && method !== "taylor") {
    throw new TypeError(`Expected "method" to be "pade" or "taylor", got ${JSON.stringify(method)}`);
  }
  if (method === "taylor" && a.size > 0) return await onDevice(a);
  const stack = await readMatrices(a, "expm"), { device, data, rows: n, count } = stack;
  onHost(device, lapackWith(device, "getrf", "getrs") ? "expm/lapack" : "expm/loops", () => {
    for (let i = 0; i < count; i++) {
      const matrix = nth(data, i, n * n);
      matrix.set(padeExponential(device, hostMatrix(n, n, Float64Array.from(matrix))).data);
      if (!matrix.every(Number.isFinite)) throw outOfRange(stack, i);
    }
  });
  return toTensor(stack, data, [n, n]);
}

async function onDevice(a: Tensor): Promise<Tensor> {
  const dtype = a.dtype as "f32" | "f64";
  using size = await norm(a, { ord: 1, axis: [-2, -1], keepDims: true });
  const sizes = Float64Array.from(await size.data()), largest = sizes.reduce((x, y) => Math.max(x, y), 0);
  if (!Number.isFinite(largest)) {
    // To say which element it is that is not finite.
    await readMatrices(a, "expm");
    throw outOfRange({ count: sizes.length, dtype }, sizes.indexOf(Infinity));
  }
  const halvings = (x: number) => Math.max(0, Math.ceil(Math.log2(x / TAYLOR_LIMIT[dtype])));
  const most = halvings(largest), counts = sizes.map(halvings);
  using squarings = Tensor.of(a.device, dtype === "f32" ? Float32Array.from(counts) : counts, size.shape, dtype);
  using one = identity(a);
  const power = taylorExponential(a, one, squarings, most);
  if (largest < SAFE_NORM[dtype]) return power;
  using finite = Tensor.reduce("all", "isfinite(x)", { x: power }, [-2, -1]);
  const which = (await finite.data()).indexOf(0);
  if (which < 0) return power;
  power.dispose();
  throw outOfRange({ count: sizes.length, dtype }, which);
}

function outOfRange({ count, dtype }: Pick<MatrixStack, "count" | "dtype">, which: number): RangeError {
  return new RangeError(
    `The exponential of ${count > 1 ? `matrix ${which}` : "the matrix"} is out of the range of ${dtype}`,
  );
}
