import { type Gpu, linalg, type Tensor } from "../../mod.ts";
import { assertGradient, normal } from "./linalg_differences.ts";
import { withAndWithoutLibraries } from "./libraries.ts";

const SIZES = [0, 1, 2, 5], BATCHES = [[], [2, 3]];
const SHAPES = [[1, 1], [4, 4], [7, 3], [3, 7], [1, 5], [5, 1], [0, 0], [3, 0], [0, 3]];

/** Well conditioned: the differences are good. */
const regular = (gpu: Gpu, shape: readonly number[], seed: number) => {
  const g = normal(gpu, shape, seed);
  return g.matmul(g.T).add(gpu.eye(shape.at(-1)!).astype("f64")).add(g.mul(0.3));
};

withAndWithoutLibraries("gradients of functions of square matrices agree with differences", async (gpu) => {
  for (const n of SIZES) {
    for (const batch of BATCHES) {
      const what = (name: string) => `${name} of [${[...batch, n, n]}]`, shape = [...batch, n, n];
      const a = regular(gpu, shape, 1), g = normal(gpu, shape, 2), positive = a.add(a.T);
      await assertGradient(gpu, what("cholesky"), async (x) => ({ l: await linalg.cholesky(x) }), [positive], {
        symmetric: true,
      });
      await assertGradient(gpu, what("eigh"), async (x) => ({ ...await linalg.eigh(x) }), [g.add(g.T)], {
        symmetric: true,
        signs: ["vectors"],
      });
      await assertGradient(gpu, what("inv"), async (x) => ({ y: await linalg.inv(x) }), [a]);
      await assertGradient(gpu, what("det"), async (x) => ({ y: await linalg.det(x) }), [g]);
      await assertGradient(gpu, what("slogdet"), async (x) => ({ y: (await linalg.slogdet(x)).logAbsDet }), [g]);
    }
  }
});

withAndWithoutLibraries(
  "gradients of solutions agree with differences, for right-hand sides of all kinds",
  async (gpu) => {
    const triangles = [
      {},
      { lower: true },
      { transpose: true },
      { lower: true, transpose: true },
      { unitDiagonal: true },
      { lower: true, transpose: true, unitDiagonal: true },
    ];
    for (const n of SIZES) {
      for (const batch of BATCHES) {
        const a = regular(gpu, [...batch, n, n], 1);
        for (const shape of [[n], [n, 3], [n, 0], [4, 1, 1, n, 2], [...batch, n, 1]]) {
          const b = normal(gpu, shape, 4), what = (name: string) => `${name} [${a.shape}] for [${shape}]`;
          await assertGradient(gpu, what("solve"), async (x, y) => ({ x: await linalg.solve(x, y) }), [a, b]);
          for (const options of triangles) {
            await assertGradient(
              gpu,
              what(`solveTriangular ${JSON.stringify(options)}`),
              async (x, y) => ({ x: await linalg.solveTriangular(x, y, options) }),
              [a, b],
            );
          }
        }
      }
    }
  },
);

withAndWithoutLibraries("gradients of factors of matrices of all shapes agree with differences", async (gpu) => {
  for (const [m, n] of SHAPES) {
    for (const batch of [[], [2]]) {
      const a = normal(gpu, [...batch, m, n], 15);
      const of = async (
        name: string,
        f: (x: Tensor) => Promise<object>,
        parts: readonly (readonly string[])[],
        signs?: string[],
      ) => {
        for (const names of parts) {
          const what = `${names} of ${name} of [${a.shape}]`;
          await assertGradient(gpu, what, async (x) => ({ ...await f(x) }), [a], { names, signs });
        }
      };
      await of("svd", (x) => linalg.svd(x), [["u", "s", "v"], ["u"], ["s"], ["v"], ["u", "v"]], ["u", "v"]);
      await of("svdvals", async (x) => ({ s: await linalg.svdvals(x) }), [["s"]]);
      await of("qr", (x) => linalg.qr(x), [["q", "r"], ["q"], ["r"]]);
      await of("lu", (x) => linalg.lu(x), [["l", "u"], ["l"], ["u"]]);
    }
  }
});

withAndWithoutLibraries("gradients of least squares agree with differences", async (gpu) => {
  for (const [m, n] of SHAPES) {
    for (const batch of [[], [2]]) {
      const a = m === n ? regular(gpu, [...batch, m, n], 15) : normal(gpu, [...batch, m, n], 15);
      for (const shape of [[m], [m, 3], [3, 1, m, 2]]) {
        const b = normal(gpu, shape, 6);
        for (const names of [["x", "residuals", "singularValues"], ["x"], ["residuals"]]) {
          const what = `${names} of [${a.shape}] for [${shape}]`;
          await assertGradient(gpu, what, async (x, y) => ({ ...await linalg.lstsq(x, y) }), [a, b], { names });
        }
      }
    }
  }
});
