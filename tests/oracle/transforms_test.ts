import { assertEquals, assertThrows } from "@std/assert";
import { type Gpu, operators, type Tensor } from "../../mod.ts";
import { onEachDevice } from "../gpu/devices.ts";
import { load } from "./fixtures.ts";

const { transforms } = operators;
const UNIT = { f32: 2 ** -24, f64: 2 ** -53 };
type Float = keyof typeof UNIT;

function typesOf(gpu: Gpu): Float[] {
  return gpu.info.probes.f64 ? ["f32", "f64"] : ["f32"];
}

/**
 * Fails unless the error in the norm is at most c·log₂ 2n·u of that of what is expected, the error of a fast transform
 * that is made of products with blocks (Higham 2002, theorem 24.2); all are multiples of orthogonal maps, but for a
 * factor ≤ 2 at the ends.
 */
async function assertTransform(found: Tensor[], expected: number[][], n: number, u: number, what: string) {
  let error = 0, size = 0;
  for (const [k, part] of found.entries()) {
    const data = await part.data();
    assertEquals(data.length, expected[k].length, what);
    data.forEach((v, q) => {
      error += (v - expected[k][q]) ** 2;
      size += expected[k][q] ** 2;
    });
  }
  const bound = 8 * Math.log2(2 * n) * u * Math.sqrt(size);
  if (!(Math.sqrt(error) <= bound)) throw new Error(`${what}: the error is ${Math.sqrt(error)}, over ${bound}`);
}

onEachDevice("Fourier transforms are SciPy's", async (gpu) => {
  for (const { name, shape, axis, norm, ...data } of load("fft").cases) {
    for (const dtype of typesOf(gpu)) {
      await gpu.scope(async () => {
        const of = (values: number[]) => gpu.tensor(Float64Array.from(values), { shape, dtype });
        const z = { re: of(data.x), im: of(data.y) }, u = UNIT[dtype], n = shape[axis];
        const forward = transforms.fft(z, { axis, norm }), inverse = transforms.ifft(z, { axis, norm });
        assertEquals([forward.re.shape, inverse.im.dtype], [shape, dtype]);
        await assertTransform([forward.re, forward.im], [data.re, data.im], n, u, `fft, ${name}`);
        await assertTransform([inverse.re, inverse.im], [data.inverseRe, data.inverseIm], n, u, `ifft, ${name}`);
      });
    }
  }
});

onEachDevice("transforms of real numbers are SciPy's, filled up and cut too", async (gpu) => {
  for (const { name, n, norm, x, re, im, u, v, inverse } of load("rfft").cases) {
    for (const dtype of typesOf(gpu)) {
      await gpu.scope(async () => {
        const of = (values: number[]) => gpu.tensor(Float64Array.from(values), { dtype });
        const half = transforms.rfft(of(x), { n, norm });
        await assertTransform([half.re, half.im], [re, im], n, UNIT[dtype], `rfft, ${name}`);
        const whole = transforms.irfft({ re: of(u), im: of(v) }, { n, norm });
        await assertTransform([whole], [inverse], n, UNIT[dtype], `irfft, ${name}`);
        const complex = transforms.fft(of(x), { n, norm }), rest = complex.re.slice([0, Math.floor(n / 2) + 1]);
        await assertTransform([rest], [re], n, UNIT[dtype], `fft of real numbers, ${name}`);
      });
    }
  }
});

onEachDevice("cosine and sine transforms are SciPy's", async (gpu) => {
  const cases = (["dct", "dst"] as const).flatMap((kind) => load(kind).cases.map((found) => ({ kind, ...found })));
  for (const { kind, type, norm, x, y, inverse } of cases) {
    for (const dtype of typesOf(gpu)) {
      await gpu.scope(async () => {
        const given = gpu.tensor(Float64Array.from(x), { dtype }), n = x.length, name = `${type}, ${norm}, n = ${n}`;
        const forward = transforms[kind](given, { type, norm });
        await assertTransform([forward], [y], n, UNIT[dtype], `${kind} of type ${name}`);
        const backward = transforms[`i${kind}`](given, { type, norm });
        await assertTransform([backward], [inverse], n, UNIT[dtype], `i${kind} of type ${name}`);
      });
    }
  }
});

onEachDevice("Hadamard transforms are SciPy's, and exact on small whole numbers", async (gpu) => {
  for (const { x, natural, sequency } of load("hadamard").cases) {
    await gpu.scope(async () => {
      const given = gpu.tensor(x);
      // Multiples of 1/8 of a few units.
      assertEquals(await transforms.hadamard(given).array(), natural);
      assertEquals(await transforms.hadamard(given, { order: "sequency" }).array(), sequency);
    });
  }
});

onEachDevice("transforms refuse what they cannot transform", (gpu) => {
  const x = gpu.ones([4, 3]), z = { re: x, im: x };
  assertThrows(() => transforms.fft(gpu.ones([4], "i32")), TypeError, "Cannot compute fft of i32");
  assertThrows(() => transforms.fft({ re: x } as typeof z), TypeError, "Expected { re, im } for fft");
  assertThrows(() => transforms.fft({ re: x, im: gpu.ones([4]) }), TypeError, "one shape");
  assertThrows(() => transforms.fft(x, { axis: 2 }), RangeError, "Expected an axis");
  assertThrows(() => transforms.fft(x, { n: 0 }), RangeError, "Expected a whole length from 1 for fft, got 0");
  assertThrows(() => transforms.rfft(x, { n: 2.5 }), RangeError, "2.5");
  assertThrows(() => transforms.irfft({ re: gpu.ones([1]), im: gpu.ones([1]) }), RangeError, "irfft, got 0");
  assertThrows(() => transforms.ifft(z, { norm: "both" as "ortho" }), RangeError, '"both"');
  assertThrows(() => transforms.dct(gpu.ones([1]), { type: 1 }), RangeError, "from 2 for dct of type 1");
  assertThrows(() => transforms.dst(x, { type: 5 as 4 }), RangeError, "got 5");
  assertThrows(() => transforms.hadamard(gpu.ones([6])), RangeError, "power of two");
  assertThrows(() => transforms.fft(gpu.ones([0])), RangeError, "got 0");
});

onEachDevice("long transforms come back, and keep the energy", async (gpu) => {
  for (const n of [1 << 15, 30030, 3 * 1031, 7919]) {
    const before = gpu.device.ledger.count;
    const x = gpu.random.normal([2, n], { seed: n });
    const z = transforms.rfft(x), back = transforms.irfft(z, { n });
    const data = [...await x.data()];
    await assertTransform([back], [data], n, UNIT.f32, `irfft of rfft, n = ${n}`);
    const both = transforms.fft(x, { norm: "ortho" }), energy = gpu.reduce("sum", "re^2 + im^2", { ...both });
    const expected = data.reduce((s, v) => s + v * v, 0);
    const found = await energy.item();
    if (Math.abs(found - expected) > 16 * Math.log2(n) * UNIT.f32 * expected) throw new Error(`${found}, ${expected}`);
    for (const t of [x, z.re, z.im, back, both.re, both.im, energy]) t.dispose();
    assertEquals(gpu.device.ledger.count, before);
  }
});

onEachDevice("Toeplitz, Hankel and circulant operators are SciPy's matrices", async (gpu) => {
  for (const { shape: [m, n], column, row, x, hankelRow, ...products } of load("toeplitz").cases) {
    for (const dtype of typesOf(gpu)) {
      await gpu.scope(async () => {
        const of = (values: number[]) => gpu.tensor(Float64Array.from(values), { dtype });
        const c = of(column), r = of(row), last = of(hankelRow), width = x[0].length;
        const v = gpu.tensor(Float64Array.from(x.flat()), { shape: [n, width], dtype });
        const toeplitz = operators.toeplitz(c, r), hankel = operators.hankel(c, last);
        const found = {
          product: toeplitz.apply(v),
          transposed: toeplitz.T.compose(toeplitz).apply(v),
          hankel: hankel.apply(v),
          circulant: operators.circulant(r).apply(v),
        };
        // Beside the numbers that are multiplied: products may cancel.
        const size = Math.hypot(...x.flat()), filter = Math.hypot(...column, ...row, ...hankelRow);
        for (const [name, product] of Object.entries(found)) {
          const expected = products[name as keyof typeof found].flat(), data = await product.data();
          const power = name === "transposed" ? 2 : 1, error = Math.hypot(...data.map((y, k) => y - expected[k]));
          const bound = 8 * Math.log2(2 * (m + n)) * UNIT[dtype] * size * (Math.sqrt(m + n) * filter) ** power;
          assertEquals(product.shape, [name === "product" || name === "hankel" ? m : n, width]);
          if (!(error <= bound)) throw new Error(`${name} of [${m}, ${n}]: the error is ${error}, over ${bound}`);
        }
      });
    }
  }
});
