import type { Device, DType } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";
import { table, turn } from "./angles.ts";
import { blockProduct, fourierState, timesComplex } from "./fourier.ts";
import { fourierPlan } from "./fourier_plan.ts";
import { inverseRealFourier, realFourier, realFourierPlan } from "./real_fourier.ts";

/**
 * The types of Wang and Hunt: even (cosine) or odd (sine) at the ends, which lie on samples or halfway between them.
 */
export type TrigonometricType = 1 | 2 | 3 | 4;

/** A linear map of `[b, n, q]` along n, with the constants that it holds. */
export interface Transform {
  readonly apply: (x: Tensor) => Tensor;
  readonly tensors: readonly Tensor[];
}

/** Up to this length a transform is a product with its matrix. */
const LONGEST_MATRIX = 64;

/**
 * Sums with cosines and without weights, of which the transforms of all norms are made: cos(π·jk/(n − 1)), cos(π·k(2j +
 * 1)/2n), its transpose, and cos(π·(2j + 1)(2k + 1)/4n).
 */
export function cosineCore(device: Device, dtype: DType, n: number, type: TrigonometricType): Transform {
  if (n <= LONGEST_MATRIX) return cosineMatrix(device, dtype, n, type);
  const make = { 1: evenEnds, 2: analysis, 3: synthesis, 4: n % 2 === 0 ? halfway : halfwayOdd }[type];
  return make(device, dtype, n);
}

/** Angle of entry (k, j) over 2π, as a fraction of whole numbers. */
export function cosineAngle(n: number, type: TrigonometricType, k: number, j: number): [number, number] {
  switch (type) {
    case 1:
      return [j * k, 2 * (n - 1)];
    case 2:
      return [k * (2 * j + 1), 4 * n];
    case 3:
      return [j * (2 * k + 1), 4 * n];
    default:
      return [(2 * j + 1) * (2 * k + 1), 8 * n];
  }
}

function cosineMatrix(device: Device, dtype: DType, n: number, type: TrigonometricType): Transform {
  const matrix = table(device, dtype, `cosine/${n}/${type}`, [n, n], (data) => {
    for (let k = 0; k < n; k++) {
      for (let j = 0; j < n; j++) data[k * n + j] = n === 1 && type === 1 ? 1 : turn(...cosineAngle(n, type, k, j)).cos;
    }
  });
  return { apply: (x) => blockProduct(matrix, x), tensors: [matrix] };
}

/** Real parts of the spectrum of the even extension of length 2(n − 1), whose inner samples count half. */
function evenEnds(device: Device, dtype: DType, n: number): Transform {
  const whole = 2 * (n - 1), plan = realFourierPlan(device, dtype, whole, -1, 1);
  const places = indices(device, `even/${n}`, whole, (j) => j < n ? j : whole - j);
  const weights = table(device, dtype, `even weights/${n}`, [whole, 1], (data) => {
    for (let j = 0; j < whole; j++) data[j] = j === 0 || j === n - 1 ? 1 : 0.5;
  });
  return {
    apply(x) {
      using extended = x.take(places, 1);
      using weighted = extended.mul(weights);
      using spectrum = realFourier(plan, weighted);
      return spectrum.slice(null, 0);
    },
    tensors: [...plan.tensors, places, weights],
  };
}

/**
 * One real transform of the same length of the even samples followed by the odd ones backwards, V: the k-th sum is
 * Re(V[k]·e^(−πik/2n)) (Makhoul 1980).
 */
function analysis(device: Device, dtype: DType, n: number): Transform {
  const plan = realFourierPlan(device, dtype, n, -1, 1), half = Math.ceil(n / 2);
  const places = indices(device, `folded/${n}`, n, (j) => j < half ? 2 * j : 2 * (n - 1 - j) + 1);
  const mirrored = indices(device, `mirrored/${n}`, n, (k) => Math.min(k, n - k));
  const factors = table(device, dtype, `quarter/${n}`, [2, n, 1], (data) => {
    for (let k = 0; k < n; k++) {
      const { cos, sin } = turn(k, 4 * n);
      data[k] = cos;
      data[n + k] = 2 * k <= n ? sin : -sin;
    }
  });
  return {
    apply(x) {
      using folded = x.take(places, 1);
      using spectrum = realFourier(plan, folded);
      using whole = spectrum.take(mirrored, 2);
      return Tensor.reduce("sum", "v * f", { v: whole, f: factors }, 1);
    },
    tensors: [...plan.tensors, places, mirrored, factors],
  };
}

/** The transpose of {@linkcode analysis}: V[k] = e^(πik/2n)·(y[k] − i·y[n − k])/2 is transformed back. */
function synthesis(device: Device, dtype: DType, n: number): Transform {
  const plan = realFourierPlan(device, dtype, n, 1, 1), h = Math.floor(n / 2) + 1;
  const reversed = indices(device, `reversed/${n}`, h, (k) => k === 0 ? 0 : n - k);
  const unfolded = indices(device, `unfolded/${n}`, n, (j) => j % 2 === 0 ? j / 2 : n - 1 - (j - 1) / 2);
  // Half of each, as every number of the spectrum stands for its conjugate too; y[0] does not.
  const factors = table(device, dtype, `quarter back/${n}`, [2, 2, h, 1], (data) => {
    for (let k = 0; k < h; k++) {
      const { cos, sin } = turn(k, 4 * n), weight = k === 0 ? 1 : 0.5, other = k === 0 ? 0 : 0.5;
      data[k] = weight * cos;
      data[h + k] = weight * sin;
      data[2 * h + k] = other * sin;
      data[3 * h + k] = -other * cos;
    }
  });
  return {
    apply(x) {
      const [b, , q] = x.shape;
      using head = x.slice(null, [0, h]);
      using y = head.reshape([b, 1, h, q]);
      using tail = x.take(reversed, 1);
      using z = tail.reshape([b, 1, h, q]);
      using p = factors.slice(0);
      using r = factors.slice(1);
      using spectrum = Tensor.map("y * p + z * r", { y, z, p, r });
      using folded = inverseRealFourier(plan, spectrum);
      return folded.take(unfolded, 1);
    },
    tensors: [...plan.tensors, reversed, unfolded, factors],
  };
}

/**
 * For even n a complex transform of length n/2: t[j] = x[2j] + i·x[n − 1 − 2j] gives
 * d[k] = y[2k] − i·y[n − 1 − 2k] = e^(−πi(4k + 1)/4n) Σ_j t[j] e^(−πij/n) e^(−2πijk/(n/2)).
 */
function halfway(device: Device, dtype: DType, n: number): Transform {
  const m = n / 2, plan = fourierPlan(device, dtype, m, -1);
  const places = table(device, "i32", `pairs/${n}`, [2, m], (data) => {
    for (let j = 0; j < m; j++) {
      data[j] = 2 * j;
      data[m + j] = n - 1 - 2 * j;
    }
  });
  const before = rotation(device, dtype, `pairs before/${n}`, m, (j) => turn(-j, 2 * n));
  const after = rotation(device, dtype, `pairs after/${n}`, m, (k) => turn(-(4 * k + 1), 8 * n));
  const back = indices(device, `pairs back/${n}`, n, (k) => k % 2 === 0 ? k / 2 : m + (n - 1 - k) / 2);
  const signs = table(device, dtype, `pairs signs/${n}`, [n, 1], (data) => {
    for (let k = 0; k < n; k++) data[k] = k % 2 === 0 ? 1 : -1;
  });
  return {
    apply(x) {
      const [b, , q] = x.shape;
      using t = x.take(places, 1);
      using modulated = timesComplex(t, ...before);
      using transformed = fourierState(plan, modulated);
      using d = timesComplex(transformed, ...after);
      using flat = d.reshape([b, n, q]);
      using ordered = flat.take(back, 1);
      return ordered.mul(signs);
    },
    tensors: [...plan.tensors, places, ...before, ...after, back, signs],
  };
}

/** For odd n a transform of length 2n, half of it zeros. */
function halfwayOdd(device: Device, dtype: DType, n: number): Transform {
  const plan = fourierPlan(device, dtype, 2 * n, -1);
  const before = table(device, dtype, `odd before/${n}`, [2, n, 1], (data) => {
    for (let j = 0; j < n; j++) ({ cos: data[j], sin: data[n + j] } = turn(-j, 4 * n));
  });
  const after = table(device, dtype, `odd after/${n}`, [2, n, 1], (data) => {
    for (let k = 0; k < n; k++) ({ cos: data[k], sin: data[n + k] } = turn(2 * k + 1, 8 * n));
  });
  const zero = table(device, dtype, "zero", [], (data) => data[0] = 0);
  return {
    apply(x) {
      const [b, , q] = x.shape;
      using one = x.reshape([b, 1, n, q]);
      using modulated = one.mul(before);
      using padding = zero.broadcastTo([b, 2, n, q]);
      using padded = Tensor.apply("concatenate", { x0: modulated, x1: padding }, { axis: 2 }).out;
      using transformed = fourierState(plan, padded);
      using head = transformed.slice(null, null, [0, n]);
      return Tensor.reduce("sum", "d * f", { d: head, f: after }, 1);
    },
    tensors: [...plan.tensors, before, after, zero],
  };
}

/** Unit numbers as {@linkcode timesComplex} takes them. */
function rotation(
  device: Device,
  dtype: DType,
  key: string,
  n: number,
  at: (k: number) => { cos: number; sin: number },
): [Tensor, Tensor] {
  return [
    table(device, dtype, `${key}/cos`, [n, 1], (data) => {
      for (let k = 0; k < n; k++) data[k] = at(k).cos;
    }),
    table(device, dtype, `${key}/sin`, [2, n, 1], (data) => {
      for (let k = 0; k < n; k++) {
        data[n + k] = at(k).sin;
        data[k] = -data[n + k];
      }
    }),
  ];
}

/** Whole numbers on a device. */
export function indices(device: Device, key: string, n: number, at: (k: number) => number): Tensor {
  return table(device, "i32", key, [n], (data) => {
    for (let k = 0; k < n; k++) data[k] = at(k);
  });
}
