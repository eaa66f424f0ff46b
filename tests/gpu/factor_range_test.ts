import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { linalg } from "../../mod.ts";
import { withAndWithoutLibraries } from "./libraries.ts";
import { onEachDevice, onGpu } from "./devices.ts";

/** A·[1, −2, 3] = B. */
const A = [[4, 1, -2], [1, 3, 1], [-1, 2, 2.5]], B = [-4, -2, 2.5], X = [1, -2, 3];
const DET = 4 * (3 * 2.5 - 2) - (2.5 + 1) - 2 * (2 + 3);

const scaled = (factor: number) => Float32Array.from(A.flat(), (x) => x * factor);

withAndWithoutLibraries("matrices at the limits of f32 are eliminated in f64 where f32 cannot", async (gpu) => {
  // Exact in subnormal numbers; and so large that their sums overflow.
  for (const e of [-147, 125]) {
    using a = gpu.tensor(scaled(2 ** e)).reshape([3, 3]);
    using b = gpu.tensor(B.map((x) => x * 2 ** e));
    const x = await (await linalg.solve(a, b)).array() as number[];
    x.forEach((v, i) => assertAlmostEquals(v, X[i], 1e-5));
    const { sign, logAbsDet } = await linalg.slogdet(a);
    assertEquals(await sign.item(), 1);
    assertAlmostEquals(await logAbsDet.item(), Math.log(DET) + 3 * e * Math.LN2, 1e-4);
    const factors = await linalg.lu(a);
    assert((await linalg.certificate(a, factors)).backwardError < 0.2 * 2 ** Math.max(-19, -149 - e + 1));
  }
});

withAndWithoutLibraries("what a type cannot hold is refused in words, not returned", async (gpu) => {
  using tiny = gpu.tensor(scaled(2 ** -147)).reshape([3, 3]);
  using huge = gpu.tensor(Float32Array.from([3e38, 3e38, 3e38, 3e38, -3e38, 3e38, 3e38, 3e38, -3e38])).reshape([3, 3]);
  using one = gpu.ones([3]);
  const refused: [string, () => Promise<unknown>][] = [
    ['solve: "x" of the matrix', () => linalg.solve(tiny, one)],
    ['inv: "inverse" of the matrix', () => linalg.inv(tiny)],
    ['svd: "s" of the matrix', () => linalg.svd(huge)],
    ['svdvals: "s" of the matrix', () => linalg.svdvals(huge)],
    ['eigh: "values" of the matrix', () => linalg.eigh(huge)],
    ['qr: "r" of the matrix', () => linalg.qr(huge)],
    ['svdvals: "s"', () => linalg.matrixRank(huge)],
    ['svd: "s"', () => linalg.pinv(huge)],
  ];
  for (const [text, call] of refused) {
    const error = await assertRejects(call, RangeError, "out of the range of f32");
    assert(error.message.includes(text), error.message);
  }
  // The inverse is out of range, as that of a singular matrix.
  assertEquals(await (await linalg.cond(tiny, { ord: 1 })).item(), Infinity);
  using stack = gpu.tensor(Float32Array.of(1, 0, 0, 1, 1e-40, 0, 0, 1)).reshape([2, 2, 2]);
  await assertRejects(() => linalg.inv(stack), RangeError, 'inv: "inverse" of matrix 1');
});

onEachDevice(
  "a wide matrix's polar decomposition is certified, whose p is large and nearly all zero eigenvalues",
  async (gpu) => {
    using a = gpu.random.normal([2, 400], { seed: 4 });
    const found = await linalg.polar(a);
    const { backwardError, orthogonality } = await linalg.certificate(a, found);
    assert(backwardError < 10 * 20 * 2 ** -24, `${backwardError}`);
    assert(orthogonality! < 10 * 20 * 2 ** -24, `${orthogonality}`);
    using flipped = found.p.neg();
    const { backwardError: wrong } = await linalg.certificate(a, { u: found.u, p: flipped });
    assert(wrong > 1, `${wrong}`);
  },
);

onGpu("matrices out of an adapter's range are factored on the host", async (gpu) => {
  const before = gpu.memory().live;
  await gpu.scope(async () => {
    for (const factor of [2 ** -126, 2 ** 124]) {
      const a = gpu.tensor(scaled(factor)).reshape([3, 3]),
        symmetric = gpu.tensor(Float32Array.from([2, 1, 1, -3], (x) => x * factor));
      for (
        const [matrix, result] of [
          [a, await linalg.svd(a, { on: "adapter" })],
          [a, await linalg.qr(a, { on: "adapter" })],
          [symmetric.reshape([2, 2]), await linalg.eigh(symmetric.reshape([2, 2]), { on: "adapter" })],
        ] as const
      ) {
        const { backwardError } = await linalg.certificate(matrix, result);
        assert(backwardError < 50 * 2 ** -23, `${factor}: ${backwardError}`);
      }
    }
    const huge = gpu.full([3, 3], 3e38);
    for (const call of [linalg.svd, linalg.svdvals, linalg.eigh, linalg.qr]) {
      await assertRejects(() => call(huge, { on: "adapter" }), RangeError, "out of the range of f32");
    }
  });
  assertEquals(gpu.memory().live, before);
});
