import type { Device, DType } from "../../device/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { table, turn } from "./angles.ts";
import { cosineCore, indices, type Transform, type TrigonometricType } from "./cosine_core.ts";
import { blockProduct } from "./fourier.ts";
import { realFourier, realFourierPlan } from "./real_fourier.ts";

/**
 * Sums with sines and without weights: sin(π·(j + 1)(k + 1)/(n + 1)), sin(π·(k + 1)(2j + 1)/2n), its transpose, and
 * sin(π·(2j + 1)(2k + 1)/4n). With D = diag(1, −1, 1, …) and the reversal R they are R·C₂·D, D·C₃·R and D·C₄·R of the
 * cosines.
 */
export function sineCore(device: Device, dtype: DType, n: number, type: TrigonometricType): Transform {
  if (type === 1) return n <= 64 ? endsMatrix(device, dtype, n) : oddEnds(device, dtype, n);
  const cosines = cosineCore(device, dtype, n, type);
  const signs = table(device, dtype, `alternating/${n}`, [n, 1], (data) => {
    for (let k = 0; k < n; k++) data[k] = k % 2 === 0 ? 1 : -1;
  });
  return {
    apply(x) {
      if (type === 2) {
        using signed = x.mul(signs);
        using sums = cosines.apply(signed);
        return sums.flip(1);
      }
      using reversed = x.flip(1);
      using sums = cosines.apply(reversed);
      return sums.mul(signs);
    },
    tensors: [...cosines.tensors, signs],
  };
}

function endsMatrix(device: Device, dtype: DType, n: number): Transform {
  const matrix = table(device, dtype, `sine/${n}`, [n, n], (data) => {
    for (let k = 0; k < n; k++) {
      for (let j = 0; j < n; j++) data[k * n + j] = turn((j + 1) * (k + 1), 2 * (n + 1)).sin;
    }
  });
  return { apply: (x) => blockProduct(matrix, x), tensors: [matrix] };
}

/** Imaginary parts of the spectrum of the odd extension 0, x, 0, −x backwards, times −1/2. */
function oddEnds(device: Device, dtype: DType, n: number): Transform {
  const whole = 2 * (n + 1), plan = realFourierPlan(device, dtype, whole, -1, 1);
  const places = indices(device, `odd/${n}`, whole, (j) => {
    const at = j <= n ? j - 1 : whole - j - 1;
    return Math.min(Math.max(at, 0), n - 1);
  });
  const weights = table(device, dtype, `odd weights/${n}`, [whole, 1], (data) => {
    for (let j = 0; j < whole; j++) data[j] = j === 0 || j === n + 1 ? 0 : j <= n ? -0.5 : 0.5;
  });
  return {
    apply(x: Tensor) {
      using extended = x.take(places, 1);
      using weighted = extended.mul(weights);
      using spectrum = realFourier(plan, weighted);
      return spectrum.slice(null, 1, [1, n + 1]);
    },
    tensors: [...plan.tensors, places, weights],
  };
}
