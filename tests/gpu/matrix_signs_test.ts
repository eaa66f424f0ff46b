import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Gpu, linalg, type Tensor } from "../../mod.ts";
import { roundoff } from "../../src/device/mod.ts";
import { onGpu } from "./devices.ts";
import { apart, normal } from "./linalg_matrices.ts";
import { withAndWithoutLibraries } from "./libraries.ts";

async function checkSigns(gpu: Gpu): Promise<void> {
  const a = normal(gpu, [60, 40], 1).mul(gpu.map("exp2(-k / 8)", { k: gpu.arange(40) }));
  const exact = await linalg.matrixSign(a), express = await linalg.matrixSign(a, { coefficients: "polarExpress" });
  assert(express.iterations < exact.iterations, `${express.iterations} and ${exact.iterations} steps`);
  assert(await apart(gpu, exact.sign, express.sign) < 1e3 * roundoff("f32"));
  const muon = await linalg.matrixSign(a, { coefficients: "muon" }), s = await (await linalg.svdvals(muon.sign)).data();
  assertEquals(muon.iterations, 5);
  // The singular values of a are all above 0.0015 of its Frobenius norm.
  assert(s[0] <= 1.21 && s.at(-1)! >= 0.68, `from ${s.at(-1)} to ${s[0]}`);
  const residual = Math.hypot(...s.map((x) => x * x - 1));
  assert(Math.abs(await muon.residual.item() / residual - 1) < 1e-4);
  // The same by hand.
  const { sign: one } = await linalg.matrixSign(a, { coefficients: [[1.5, -0.5, 0]], steps: 3 });
  let x = a.div(await (await linalg.norm(a)).item());
  for (let k = 0; k < 3; k++) x = gpu.map("(3 * x - y) / 2", { x, y: x.matmul(x.T.matmul(x)) });
  assert(await apart(gpu, one, x) < 1e-5);
  const wide = await linalg.matrixSign(a.T, { coefficients: "muon" });
  assert(await apart(gpu, wide.sign.T, muon.sign) < 1e-4);
}

withAndWithoutLibraries("the sign of singular values, by each schedule of steps", checkSigns);
onGpu("the sign of singular values, by each schedule of steps", checkSigns);

withAndWithoutLibraries("every function of larger matrices has its certificate", async (gpu) => {
  for (const dtype of ["f32", "f64"] as const) {
    const a = normal(gpu, [60, 60], 1, dtype), tall = normal(gpu, [70, 33], 2, dtype), eye = gpu.eye(60).astype(dtype);
    const shifted = a.div(8).add(eye.mul(3)), gram = tall.matmul(tall.T), n = 70;
    const results: [Tensor, linalg.Factorization][] = [
      [tall, await linalg.polar(tall)],
      [tall.T, await linalg.polar(tall.T, { method: "newtonSchulz" })],
      [a, await linalg.polar(a, { method: "newton", side: "left" })],
      [tall, { pinv: await linalg.pinv(tall) }],
      [gram, { pinv: await linalg.pinv(gram) }],
      [gram, { pinv: await linalg.pinv(gram, { hermitian: true }) }],
      [shifted, { sqrt: await linalg.sqrtm(shifted) }],
      [gram, { sqrt: await linalg.sqrtm(gram) }],
      [a, await linalg.matrixSign(a, { of: "eigenvalues" })],
      [tall, await linalg.matrixSign(tall)],
      [tall, await linalg.matrixSign(tall, { coefficients: "polarExpress" })],
    ];
    for (const [index, [matrix, result]] of results.entries()) {
      const { backwardError, orthogonality = 0 } = await linalg.certificate(matrix, result);
      const growth = "sign" in result && result.of === "eigenvalues"
        ? await (await linalg.norm(result.sign)).item()
        : 1;
      const bound = 16 * n * roundoff(dtype) * growth;
      assert(
        backwardError <= bound,
        `${dtype}, number ${index}: the backward error is ${backwardError}, over ${bound}`,
      );
      assert(orthogonality <= bound, `${dtype}, number ${index}: the orthogonality is ${orthogonality}, over ${bound}`);
    }
    // Two methods that have nothing in common.
    const [x, y] = [await linalg.expm(shifted), await linalg.expm(shifted, { method: "taylor" })];
    const off = await (await linalg.norm(x.sub(y))).item() / await (await linalg.norm(x)).item();
    assert(off <= 16 * n * roundoff(dtype) * await (await linalg.norm(shifted, { ord: 2 })).item(), `${dtype}: ${off}`);
    const back = await apart(gpu, x.matmul(await linalg.expm(shifted.neg())), eye);
    assert(back <= 16 * n * roundoff(dtype) * Math.exp(8), `${dtype}: ${back}`);
  }
});

withAndWithoutLibraries("a certificate is large for a function that is not the matrix's", async (gpu) => {
  const a = normal(gpu, [8, 5], 1, "f64"), square = normal(gpu, [5, 5], 2, "f64"), eye = gpu.eye(5).astype("f64");
  const positive = square.matmul(square.T), { u, p } = await linalg.polar(a), pinv = await linalg.pinv(a);
  const sqrt = await linalg.sqrtm(positive), { sign } = await linalg.matrixSign(square, { of: "eigenvalues" });
  const inverse = await linalg.inv(square),
    eigen = { of: "eigenvalues" } as const,
    singular = { of: "singularValues" } as const;
  const { values, vectors } = await linalg.eigh(positive);
  // A root of the matrix, but with one eigenvalue of the other sign.
  const other = vectors.mul(values.sqrt().mul(gpu.tensor([-1, 1, 1, 1, 1], { dtype: "f64" }))).matmul(vectors.T);
  const bad: [Tensor, linalg.Factorization][] = [
    [a, { u, p: p.mul(1 + 1e-8) }],
    [a, { u: u.neg(), p: p.neg() }],
    [a, { u, p: p.add(gpu.eye(5).astype("f64").slice(null, [null, null, -1]).mul(1e-7)) }],
    [a, { pinv: pinv.mul(1 + 1e-8) }],
    [a, { pinv: pinv.mul(0) }],
    [a, { pinv: pinv.add(normal(gpu, [5, 8], 4, "f64").mul(1e-8)) }],
    [gpu.zeros([8, 5], "f64"), { pinv }],
    [positive, { sqrt: sqrt.mul(1 + 1e-8) }],
    [positive, { sqrt: sqrt.neg() }],
    [positive, { sqrt: other }],
    [square, { sign: eye, ...eigen }],
    [square, { sign: sign.neg(), ...eigen }],
    [square, { sign: sign.mul(1 + 1e-8), ...eigen }],
    [a, { sign: u.neg(), ...singular }],
    [square, { inverse: inverse.mul(1 + 1e-8) }],
  ];
  for (const [index, [matrix, result]] of bad.entries()) {
    const { backwardError } = await linalg.certificate(matrix, result);
    assert(backwardError > 1e-10, `number ${index}: ${backwardError}`);
  }
  const good: [Tensor, linalg.Factorization][] = [
    [a, { u, p }],
    [a.T, await linalg.polar(a.T, { side: "left" })],
    [square, await linalg.polar(square, { side: "left" })],
    [a, { pinv }],
    [gpu.zeros([8, 5], "f64"), { pinv: pinv.mul(0) }],
    [positive, { sqrt }],
    [square, { sign, ...eigen }],
    [a, { sign: u, ...singular }],
    [square, { inverse }],
    [gpu.stack([square, positive]), await linalg.polar(gpu.stack([square, positive]))],
  ];
  for (const [index, [matrix, result]] of good.entries()) {
    const { backwardError, orthogonality = 0 } = await linalg.certificate(matrix, result);
    assert(backwardError < 1e-13 && orthogonality < 1e-14, `number ${index}: ${backwardError}, ${orthogonality}`);
  }
  const { orthogonality } = await linalg.certificate(a, { u: u.mul(1 + 1e-9), p });
  assert(Math.abs(orthogonality! / (2e-9 * Math.sqrt(5)) - 1) < 1e-3);
  assertEquals((await linalg.certificate(positive, { sqrt: sqrt.mul(NaN) })).backwardError, NaN);
  await assertRejects(() => linalg.certificate(a, { pinv: a }), TypeError, 'Expected "pinv" of shape [..., 5, 8]');
  await assertRejects(() => linalg.certificate(a, { u, p: a }), TypeError, 'Expected "p" of shape');
});
