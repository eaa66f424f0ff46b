import { grad, linalg, type Tensor } from "../../mod.ts";
import { assertGradient, normal } from "./linalg_differences.ts";
import { withAndWithoutLibraries } from "./libraries.ts";

/** The gradient of a loss as a function, to be differentiated again. */
const gradientBy = (loss: (...x: Tensor[]) => Promise<Tensor>, argnums: number[] = [0]) => async (...x: Tensor[]) => {
  const parts = await grad(loss, { argnums })(...x) as Tensor[];
  return Object.fromEntries(parts.map((part, q) => [`g${q}`, part]));
};

withAndWithoutLibraries("gradients can be differentiated again", async (gpu) => {
  for (const batch of [[], [2]]) {
    const n = 4, g = normal(gpu, [...batch, n, n], 21), b = normal(gpu, [n, 2], 22), one = gpu.eye(n).astype("f64");
    const positive = g.matmul(g.T).add(one), symmetric = g.add(g.T), regular = positive.add(g.mul(0.3));
    const weights = normal(gpu, [n, n], 23), tall = normal(gpu, [...batch, n + 2, n], 24);
    const squares = (x: Tensor) => x.mul(weights).square().sum();
    await assertGradient(
      gpu,
      "solve",
      gradientBy(async (a, b) => (await linalg.solve(a, b)).square().sum(), [0, 1]),
      [regular, b],
    );
    await assertGradient(
      gpu,
      "solveTriangular",
      gradientBy(async (a, b) => (await linalg.solveTriangular(a, b, { lower: true })).square().sum(), [0, 1]),
      [regular, b],
    );
    const ofOne: [string, (a: Tensor) => Promise<Tensor>, Tensor, boolean][] = [
      ["cholesky", async (a) => squares(await linalg.cholesky(a)), positive, true],
      ["eigenvalues", async (a) => (await linalg.eigh(a)).values.exp().sum(), symmetric, true],
      ["inv", async (a) => squares(await linalg.inv(a)), regular, false],
      ["det", async (a) => (await linalg.det(a)).square().sum(), regular, false],
      ["slogdet", async (a) => (await linalg.slogdet(a)).logAbsDet.square().sum(), regular, false],
      ["singular values", async (a) => (await linalg.svdvals(a)).pow(3).sum(), tall, false],
      ["lu", async (a) => squares((await linalg.lu(a)).u).add(squares((await linalg.lu(a)).l)), regular, false],
    ];
    for (const [name, loss, at, both] of ofOne) {
      await assertGradient(gpu, name, gradientBy(loss), [at], { symmetric: both });
    }
    // Losses that do not depend on the signs of vectors.
    await assertGradient(
      gpu,
      "eigenvectors",
      gradientBy(async (a) => {
        const { values, vectors } = await linalg.eigh(a), first = vectors.slice(...batch.map(() => null), null, [0, 2]);
        return squares(first.matmul(first.T)).add(squares(vectors.mul(values.expandDims(-2)).matmul(vectors.T)));
      }),
      [symmetric],
      { symmetric: true },
    );
    await assertGradient(
      gpu,
      "singular vectors",
      gradientBy(async (a) => {
        const { u, s, v } = await linalg.svd(a), product = u.mul(s.exp().expandDims(-2)).matmul(v.T);
        return product.square().mul(product.sin()).sum();
      }),
      [tall],
    );
    await assertGradient(
      gpu,
      "qr",
      gradientBy(async (a) => {
        const { q, r } = await linalg.qr(a);
        return q.matmul(weights).square().sum().add(r.square().mul(weights).sum());
      }),
      [tall],
    );
    const side = normal(gpu, [n + 2, 2], 25);
    await assertGradient(
      gpu,
      "lstsq",
      gradientBy(async (a, b) => {
        const { x, residuals } = await linalg.lstsq(a, b);
        return x.square().sum().add(residuals.square().sum());
      }, [0, 1]),
      [tall, side],
    );
  }
});
