import { assertEquals } from "@std/assert";
import { type DType, isFloat, typedArray } from "../../src/device/mod.ts";
import { type Case, hostTypes, type OpDefinition } from "../../src/ops/define.ts";
import { registry } from "../../src/ops/registry.ts";
import { compare } from "../../src/testing/mod.ts";
import { deviceInputs, generator, hostInputs, seedOf } from "../../src/testing/case_inputs.ts";
import { type Gpu, grad, jvp, open, Tensor } from "../../src/tensor/mod.ts";
import { onEachDevice } from "./devices.ts";

/** Cases larger than this are for kernels, not for derivatives. */
const LARGEST = 6000;

type Floats = Record<string, Tensor>;

/** A case as a scalar function of its floating inputs: Σ c · out over the floating outputs, with random numbers c. */
function lossOf<P>(gpu: Gpu, op: OpDefinition<P>, testCase: Case<P>, dtypeOf: (d: DType) => DType) {
  const host = hostInputs(testCase, seedOf(`${op.name} ${testCase.name}`));
  const all = deviceInputs(gpu.device, testCase, host, dtypeOf);
  const random = generator(seedOf(`tape ${testCase.name}`));
  const floats: Floats = {}, rest: Record<string, Tensor | number> = {};
  for (const [name, v] of Object.entries(all)) {
    if (typeof v !== "number" && isFloat(v.dtype)) floats[name] = v;
    else rest[name] = v;
  }
  const draw = ({ shape, size, dtype, device }: Tensor): Tensor => {
    const data = typedArray(dtype, size);
    for (let k = 0; k < size; k++) data[k] = Math.round(256 * (random() - 0.5)) / 64;
    return Tensor.of(device, data, shape, dtype);
  };
  const weights: Floats = {};
  const loss = (x: Floats): Tensor => {
    const out = Tensor.apply(op.name, { ...all, ...x }, testCase.params as object, gpu.device);
    const parts = Object.entries(out).filter(([, o]) => isFloat(o.dtype)).map(([name, o]) => {
      return o.mul(weights[name] ??= keep(draw(o))).sum();
    });
    return parts.reduce((a, b) => a.add(b));
  };
  const keep = (t: Tensor): Tensor => {
    const own = t.share();
    t.dispose();
    return own;
  };
  const free = () => {
    for (const t of [...Object.values(all), ...Object.values(weights)]) if (t instanceof Tensor) t.dispose();
  };
  return { loss, floats, draw, free };
}

async function read(tensors: Floats): Promise<Record<string, Float64Array>> {
  return Object.fromEntries(
    await Promise.all(Object.entries(tensors).map(async ([n, t]) => [n, Float64Array.from(await t.data())] as const)),
  );
}

const dot = (a: Record<string, Float64Array>, b: Record<string, Float64Array>): [number, number] => {
  let sum = 0, size = 0;
  for (const name in a) {
    a[name].forEach((v, k) => {
      sum += v * b[name][k];
      size += Math.abs(v * b[name][k]);
    });
  }
  return [sum, size];
};

/** Cases of an op that have a derivative and that the device can hold in these dtypes. */
function casesOf<P>(gpu: Gpu, op: OpDefinition<P>, dtypeOf: (d: DType) => DType, perReduction: number): Case<P>[] {
  const seen = new Map<unknown, number>();
  return op.cases.filter((c) => {
    if (c.gradient === false) return false;
    const arrays = Object.values(c.inputs).flatMap((i) => typeof i === "number" ? [] : [i]);
    const dtypes = arrays.map((i) => dtypeOf(i.dtype ?? "f32"));
    if (dtypes.includes("f64") && !gpu.info.probes.f64) return false;
    const fits = arrays.length > 0 && arrays.every((i) => i.shape.reduce((n, s) => n * s, 1) <= LARGEST) &&
      dtypes.every((d) => d !== "f16") &&
      Object.values(op.contract(hostTypes(hostInputs(c, 1)), c.params)).some((o) => isFloat(o.dtype));
    if (!fits) return false;
    // Derivatives over pairs are many kernels, each compiled anew: not every case of them is worth its time.
    const { reduction } = c.params as { reduction?: string }, count = seen.get(reduction) ?? 0;
    seen.set(reduction, count + 1);
    return !op.name.startsWith("pair") || count < perReduction;
  });
}

for (const op of registry) {
  if (!op.vjp) continue;

  onEachDevice(
    `${op.name}: through the tape, one input at a time or all; tangents are adjoint to gradients`,
    async (gpu) => {
      const failures: string[] = [];
      let checked = 0;
      for (const testCase of casesOf(gpu, op, (d) => d, gpu.info.backend === "cpu" ? Infinity : 1)) {
        const { loss, floats, draw, free } = lossOf(gpu, op, testCase, (d) => d);
        await gpu.scope(async () => {
          const names = Object.keys(floats);
          const all = grad(loss, { unreached: "zeros" })(floats), whole = await read(all);
          for (const name of names.length > 1 ? names : []) {
            const { [name]: x, ...others } = floats;
            const one = grad((x: Tensor) => loss({ ...others, [name]: x }), { unreached: "zeros" })(x);
            const same = compare(Float64Array.from(await one.data()), whole[name]);
            if (!same.ok) failures.push(`${op.name}, ${testCase.name}, by ${name} alone: ${same.message}`);
          }
          const direction = Object.fromEntries(names.map((name) => [name, draw(floats[name])]));
          const { tangent } = jvp(loss, [floats], [direction]), slope = await tangent.item();
          const [expected, size] = dot(whole, await read(direction));
          const terms = names.reduce((s, name) => s + floats[name].size, 0);
          const u = Math.max(...names.map((n) => floats[n].dtype === "f64" ? 2 ** -53 : 2 ** -24));
          // Both are sums of products, each rounded a few times, of terms of this size; the tangent's own are of the same size, up to
          // cancellation between the paths, which the factor allows for.
          const bound = 64 * (Math.sqrt(terms) + 16) * u * (size + Math.abs(slope)) + 2 ** -100;
          if (!(Math.abs(slope - expected) <= bound) && Number.isFinite(expected)) {
            failures.push(
              `${op.name}, ${testCase.name}: tangent ${slope}, gradient · direction ${expected} ± ${bound}`,
            );
          }
          checked++;
        });
        free();
      }
      assertEquals(failures, []);
      assertEquals([checked > 0, gpu.memory().rows], [true, []]);
    },
  );
}

for (const op of registry) {
  if (!op.vjp) continue;

  Deno.test(`${op.name}: second derivatives agree with differences of the gradient, by both modes`, async () => {
    await using gpu = await open({ backend: "cpu", tune: "off" });
    const failures: string[] = [], double = (d: DType): DType => isFloat(d) ? "f64" : d;
    for (const testCase of casesOf(gpu, op, double, 3)) {
      const { loss, floats, draw, free } = lossOf(gpu, op, testCase, double);
      await gpu.scope(async () => {
        const names = Object.keys(floats), gradient = grad(loss, { unreached: "zeros" });
        const v = Object.fromEntries(names.map((name) => [name, draw(floats[name])]));
        const forward = await read(jvp(gradient, [floats], [v]).tangent as unknown as Floats);
        const back = await read(
          grad((x: Floats) => {
            const g = gradient(x) as unknown as Floats;
            return names.map((name) => g[name].mul(v[name]).sum()).reduce((a, b) => a.add(b));
          }, { unreached: "zeros" })(floats) as unknown as Floats,
        );
        const at = async (h: number) => {
          const moved = Object.fromEntries(names.map((n) => [n, floats[n].add(v[n].mul(h))]));
          return await read(gradient(moved) as unknown as Floats);
        };
        const h = 2 ** -13, slopes: Record<string, Float64Array>[] = [];
        for (const step of [h, 2 * h]) {
          const [up, down] = [await at(step), await at(-step)];
          slopes.push(
            Object.fromEntries(names.map((n) => [n, up[n].map((g, k) => (g - down[n][k]) / (2 * step))])),
          );
        }
        const base = await at(0);
        for (const name of names) {
          const [near, far] = slopes.map((s) => s[name]),
            size = base[name].reduce((m, x) => Math.max(m, Math.abs(x)), 0);
          const best = near.map((x, k) => x + (x - far[k]) / 3);
          const largest = best.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
          // Where the two differ grossly a step goes over a kink: those must be few.
          const kink = near.map((x, k) => Number(Math.abs(x - far[k]) > 0.01 * (1 + Math.abs(x))));
          if (kink.reduce((s, x) => s + x, 0) > 0.1 * near.length) failures.push(`${testCase.name}: kinks everywhere`);
          const atol = near.map((x, k) =>
            kink[k] ? Infinity : Math.abs(x - far[k]) + 2 ** -40 * size / h + 1e-9 * largest + 1e-11
          );
          const f = compare(forward[name], best, { atol });
          if (!f.ok) failures.push(`${testCase.name}, by ${name}, forward over reverse: ${f.message}`);
          const b = compare(back[name], forward[name], { atol: 2 ** -38 * (largest + size) + 2 ** -60 });
          if (!b.ok) failures.push(`${testCase.name}, by ${name}, reverse over reverse: ${b.message}`);
        }
      });
      free();
    }
    assertEquals(failures, []);
    assertEquals(gpu.memory().rows, []);
  });
}
