import type { Device } from "../device/mod.ts";
import { checkShape } from "./nested.ts";
import { nextSeed } from "./scope.ts";
import { Tensor } from "./tensor.ts";

/** Options of every random function. */
export interface RandomOptions {
  /** A whole number from 0 to 2^53 − 1; equal seeds give equal numbers on every device. Default: a new one for each call. */
  seed?: number;
}

/** Random tensors from a counter-based generator (Philox-4x32-10): the same bits on every device. */
export class RandomSource {
  #device: Device;

  /** For one device. */
  constructor(device: Device) {
    this.#device = device;
  }

  #draw(distribution: string, shape: readonly number[], options: RandomOptions): Tensor {
    checkShape(shape);
    const seed = options.seed ?? nextSeed();
    return Tensor.apply("random", {}, { distribution, shape, seed }, this.#device).out;
  }

  /** Uniform on [0, 1), multiples of 2^-24; or on [`low`, `high`). */
  uniform(shape: readonly number[], options: RandomOptions & { low?: number; high?: number } = {}): Tensor {
    const { low = 0, high = 1 } = options;
    const unit = this.#draw("uniform", shape, options);
    if (low === 0 && high === 1) return unit;
    using u = unit;
    return Tensor.map("low + (high - low) * u", { u, low, high });
  }

  /** Standard normal numbers; or with a mean and a standard deviation. */
  normal(shape: readonly number[], options: RandomOptions & { mean?: number; std?: number } = {}): Tensor {
    const { mean = 0, std = 1 } = options;
    const unit = this.#draw("normal", shape, options);
    if (mean === 0 && std === 1) return unit;
    using z = unit;
    return Tensor.map("mean + std * z", { z, mean, std });
  }

  /** −1 or 1, each with probability 1/2. */
  rademacher(shape: readonly number[], options: RandomOptions = {}): Tensor {
    return this.#draw("rademacher", shape, options);
  }

  /** 32 random bits per element (u32). */
  bits(shape: readonly number[], options: RandomOptions = {}): Tensor {
    return this.#draw("bits", shape, options);
  }

  /** The numbers 0 … n − 1 in random order (i32). */
  permutation(n: number, options: RandomOptions = {}): Tensor {
    return this.#draw("permutation", [n], options);
  }
}
