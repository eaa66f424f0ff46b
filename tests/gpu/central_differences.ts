import { assertAlmostEquals, assertRejects } from "@std/assert";
import { type Gpu, grad, hvp, type Tensor } from "../../src/tensor/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";

/** Numbers by name, with their shapes. */
export type Given = Record<string, { data: Float64Array; shape: number[] }>;

/** Random numbers from 0.1 to 1.1; of weights the sum is 1. */
export function draw(random: () => number, shape: number[], weights = false): Given[string] {
  const data = Float64Array.from({ length: shape.reduce((s, k) => s * k, 1) }, () => random() + 0.1);
  const total = weights ? data.reduce((s, v) => s + v, 0) : 1;
  return { data: data.map((v) => v / total), shape };
}

const tensorOf = (gpu: Gpu, { data, shape }: Given[string]) => gpu.tensor(data.slice(), { shape, dtype: "f64" });

/**
 * Compares the gradient by each of the inputs, along a random direction, with central differences (extrapolated once); the totals of those in
 * `held` stay.
 */
export async function assertGradients(
  gpu: Gpu,
  what: string,
  loss: (t: Record<string, Tensor>) => Promise<Tensor>,
  given: Given,
  { held = [], h = 2 ** -12, tolerance = 1e-6, symmetric = [], together = false }: {
    held?: string[];
    h?: number;
    tolerance?: number;
    symmetric?: string[];
    /** Moves all inputs at once: four solutions, not four for each. */
    together?: boolean;
  } = {},
): Promise<void> {
  await gpu.scope(async () => {
    const random = generator(77);
    const all = Object.fromEntries(Object.entries(given).map(([name, one]) => [name, tensorOf(gpu, one)]));
    const gradients = await grad(loss)(all);
    const directions = Object.fromEntries(
      Object.entries(given).map(([name, { data, shape: [n] }]) => {
        const d = data.map(() => random() - 0.5), mean = d.reduce((s, v) => s + v, 0) / d.length;
        if (held.includes(name)) d.forEach((v, k) => d[k] = v - mean);
        if (symmetric.includes(name)) {
          for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) d[i * n + j] = d[j * n + i];
        }
        return [name, d];
      }),
    );
    for (const names of together ? [Object.keys(given)] : Object.keys(given).map((name) => [name])) {
      const at = async (t: number) => {
        const moved = names.map((name) => {
          const { data, shape } = given[name];
          return [name, tensorOf(gpu, { data: data.map((v, k) => v + t * directions[name][k]), shape })];
        });
        return await (await loss({ ...all, ...Object.fromEntries(moved) })).item();
      };
      const slope = async (h: number) => (await at(h) - await at(-h)) / (2 * h);
      const near = await slope(h), far = await slope(2 * h), best = near + (near - far) / 3;
      let found = 0;
      for (const name of names) {
        const g = await gradients[name].data();
        found += directions[name].reduce((s, v, k) => s + v * Number(g[k]), 0);
      }
      assertAlmostEquals(found, best, tolerance, `${what}: ${names}: ${found}, by differences ${best}`);
    }
  });
}

/** A gradient in f32 on this device is that in f64, up to `tolerance` of its largest element (weights up to a constant). */
export async function assertSameGradients(
  gpu: Gpu,
  host: Gpu,
  loss: (t: Record<string, Tensor>) => Promise<Tensor>,
  given: Given,
  { held = [], tolerance = 1e-4 }: { held?: string[]; tolerance?: number } = {},
): Promise<void> {
  const of = async (gpu: Gpu, dtype: "f32" | "f64") => {
    const found: Record<string, Float64Array> = {};
    await gpu.scope(async () => {
      const all = Object.fromEntries(
        Object.entries(given).map(([name, { data, shape }]) => [
          name,
          gpu.tensor(dtype === "f64" ? data.slice() : Float32Array.from(data), { shape, dtype }),
        ]),
      );
      const gradients = await grad(loss)(all);
      for (const name of Object.keys(given)) {
        const g = Float64Array.from(await gradients[name].data());
        const mean = held.includes(name) ? g.reduce((s, v) => s + v, 0) / g.length : 0;
        found[name] = g.map((v) => v - mean);
      }
    });
    return found;
  };
  const want = await of(host, "f64"), got = await of(gpu, "f32");
  for (const name of Object.keys(given)) {
    const scale = want[name].reduce((s, v) => Math.max(s, Math.abs(v)), 0);
    want[name].forEach((v, k) => assertAlmostEquals(got[name][k], v, tolerance * scale + 1e-6, `${name}[${k}]`));
  }
}

/** Second derivatives are refused by name. */
export async function assertFirstOnly(
  gpu: Gpu,
  loss: (x: Tensor) => Promise<Tensor>,
  at: Given[string],
): Promise<void> {
  await gpu.scope(async () => {
    const x = tensorOf(gpu, at), v = tensorOf(gpu, at);
    const message = "has first derivatives only";
    await assertRejects(async () => await hvp(loss, [x], [v]), TypeError, message);
    const gradient = grad(loss);
    await assertRejects(async () => await grad(async (x: Tensor) => (await gradient(x)).sum())(x), TypeError, message);
  });
}
