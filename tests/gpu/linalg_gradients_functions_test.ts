import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Gpu, grad, jvp, linalg, Tensor, vjp } from "../../mod.ts";
import { assertGradient, dot, gradientOf, normal } from "./linalg_differences.ts";
import { withAndWithoutLibraries } from "./libraries.ts";

const SHAPES = [[1, 1], [4, 4], [6, 3], [3, 6], [1, 4], [4, 1]];

/** The sum of a matrix and the identity, so that eigenvalues are near 1. */
const nearIdentity = (gpu: Gpu, shape: number[], seed: number, size = 0.15) =>
  normal(gpu, shape, seed).mul(size).add(gpu.eye(shape.at(-1)!).astype("f64"));

withAndWithoutLibraries("gradients of functions of matrices agree with differences", async (gpu) => {
  for (const n of [0, 1, 2, 5]) {
    for (const batch of [[], [2]]) {
      const shape = [...batch, n, n], a = nearIdentity(gpu, shape, 1), g = normal(gpu, shape, 2), what = `[${shape}]`;
      const positive = a.matmul(a.T);
      await assertGradient(gpu, `expm ${what}`, async (x) => ({ y: await linalg.expm(x) }), [g]);
      if (n > 0) {
        await assertGradient(
          gpu,
          `expm by Taylor's polynomial ${what}`,
          async (x) => ({ y: await linalg.expm(x, { method: "taylor" }) }),
          [g],
        );
      }
      await assertGradient(gpu, `sqrtm ${what}`, async (x) => ({ y: await linalg.sqrtm(x) }), [a]);
      await assertGradient(gpu, `sqrtm of symmetric ${what}`, async (x) => ({ y: await linalg.sqrtm(x) }), [positive], {
        symmetric: true,
      });
      // Off the symmetric ones too.
      await assertGradient(gpu, `sqrtm at symmetric ${what}`, async (x) => ({ y: await linalg.sqrtm(x) }), [positive]);
      const signs = gpu.tensor([1, -1, 1, 1, -1].slice(0, n), { dtype: "f64" });
      await assertGradient(
        gpu,
        `sign of eigenvalues ${what}`,
        async (x) => ({ y: (await linalg.matrixSign(x, { of: "eigenvalues" })).sign }),
        [a.mul(signs)],
      );
      for (const power of [-3, -1, 1, 2, 5]) {
        await assertGradient(
          gpu,
          `power ${power} ${what}`,
          async (x) => ({ y: await linalg.matrixPower(x, power) }),
          [a],
        );
      }
    }
  }
});

withAndWithoutLibraries("gradients of polar factors, signs and pseudoinverses agree with differences", async (gpu) => {
  for (const [m, n] of SHAPES) {
    for (const batch of [[], [2]]) {
      const a = normal(gpu, [...batch, m, n], 15), what = `[${a.shape}]`;
      for (const side of ["right", "left"] as const) {
        for (const names of [["u", "p"], ["u"], ["p"]]) {
          await assertGradient(
            gpu,
            `${names} of polar, ${side}, ${what}`,
            async (x) => ({ ...await linalg.polar(x, { side }) }),
            [a],
            { names },
          );
        }
      }
      await assertGradient(gpu, `pinv ${what}`, async (x) => ({ y: await linalg.pinv(x) }), [a]);
      await assertGradient(gpu, `sign ${what}`, async (x) => ({ y: (await linalg.matrixSign(x)).sign }), [a]);
      await assertGradient(
        gpu,
        `three steps of the sign ${what}`,
        async (x) => ({ y: (await linalg.matrixSign(x, { steps: 3 })).sign }),
        [a],
      );
      await assertGradient(
        gpu,
        `svd to a rank ${what}`,
        async (x) => {
          const { u, s, v } = await linalg.svd(x, { rank: Math.min(2, m, n) });
          return { u, s, v, y: u.mul(s.expandDims(-2)).matmul(v.T) };
        },
        [a],
        { signs: ["u", "v"] },
      );
    }
  }
  const symmetric = normal(gpu, [2, 4, 4], 16).add(normal(gpu, [2, 4, 4], 16).T);
  await assertGradient(
    gpu,
    "pinv of symmetric matrices",
    async (x) => ({ y: await linalg.pinv(x, { hermitian: true }) }),
    [symmetric],
    { symmetric: true },
  );
});

withAndWithoutLibraries("gradients of norms and conditions agree with differences", async (gpu) => {
  for (const shape of [[4, 3], [3, 4], [2, 4, 4]]) {
    const a = normal(gpu, shape, 17), axis = [-2, -1] as const;
    for (const ord of ["fro", "nuc", 2, -2, 1, -1, Infinity, -Infinity] as const) {
      await assertGradient(
        gpu,
        `norm ${ord} of [${shape}]`,
        async (x) => ({ y: await linalg.norm(x, { ord, axis }) }),
        [a],
      );
    }
    for (const ord of [1, 2, 3, 0.5, -1, Infinity, -Infinity]) {
      await assertGradient(gpu, `vector norm ${ord}`, async (x) => ({ y: await linalg.norm(x, { ord, axis: -1 }) }), [
        a,
      ]);
    }
    for (const ord of shape.length === 3 ? [2, -2, 1, "fro", Infinity] as const : [2, -2] as const) {
      await assertGradient(gpu, `cond ${ord}`, async (x) => ({ y: await linalg.cond(x, { ord }) }), [a]);
    }
  }
  // At zero the Euclidean norm has a kink: zero is one of the subgradients.
  const zero = gpu.zeros([3, 2], "f64");
  assertEquals(await (await grad(async (x: Tensor) => await linalg.norm(x))(zero)).array(), [[0, 0], [0, 0], [0, 0]]);
});

withAndWithoutLibraries("gradients of products of Kronecker and Khatri–Rao agree with differences", async (gpu) => {
  const [a, b, c] = [normal(gpu, [2, 3, 2], 1), normal(gpu, [2, 4], 2), normal(gpu, [5, 2], 3)];
  await assertGradient(gpu, "kron", async (x, y) => ({ y: await linalg.kron(x, y) }), [a, b]);
  await assertGradient(gpu, "khatriRao", async (x, y) => ({ y: await linalg.khatriRao(x, y) }), [a, c]);
});

withAndWithoutLibraries("functions of matrices have gradients where eigenvalues coincide", async (gpu) => {
  const one = gpu.eye(3).astype("f64"), h = normal(gpu, [3, 3], 5);
  const same = async (what: string, f: (x: Tensor) => Promise<Tensor>, at: Tensor, expected: Tensor) => {
    const found = await grad(async (x: Tensor) => (await f(x)).mul(h).sum())(at);
    const error = await Tensor.reduce("max", "abs(x - y)", { x: found, y: expected }).item();
    assert(error <= 256 * 2 ** -53, `${what}: off by ${error}`);
  };
  await same("expm at I", (x) => linalg.expm(x), one, h.mul(Math.E));
  await same("expm at 0", (x) => linalg.expm(x), one.mul(0), h);
  await same("sqrtm at 4·I", (x) => linalg.sqrtm(x), one.mul(4), h.div(4));
  await same("pinv at 2·I", (x) => linalg.pinv(x), one.mul(2), h.T.T.neg().div(4));
  await same("u of polar at 2·I", async (x) => (await linalg.polar(x)).u, one.mul(2), h.sub(h.T).div(4));
  await same("p of polar at 2·I", async (x) => (await linalg.polar(x)).p, one.mul(2), h.add(h.T).div(2));
  await same("matrixSign at 2·I", async (x) => (await linalg.matrixSign(x)).sign, one.mul(2), h.sub(h.T).div(4));
  await same(
    "sign of eigenvalues",
    async (x) => (await linalg.matrixSign(x, { of: "eigenvalues" })).sign,
    one,
    h.mul(0),
  );
  // A nilpotent matrix: one eigenvalue, one eigenvector.
  const nilpotent = gpu.tensor([[0, 1], [0, 0]], { dtype: "f64" });
  await assertGradient(gpu, "expm of a Jordan block", async (x) => ({ y: await linalg.expm(x) }), [nilpotent]);
  const block = gpu.tensor([[2, 1], [0, 2]], { dtype: "f64" });
  await assertGradient(gpu, "sqrtm of a Jordan block", async (x) => ({ y: await linalg.sqrtm(x) }), [block]);

  const singular = gpu.tensor([[1, 0], [0, 0]], { dtype: "f64" }),
    flat = gpu.tensor([[1, 0], [0, 0], [0, 0]], { dtype: "f64" });
  const refused: [(x: Tensor) => Promise<Tensor>, Tensor, string][] = [
    [(x) => linalg.sqrtm(x), singular, "Cannot differentiate sqrtm"],
    [(x) => linalg.sqrtm(x), gpu.tensor([[1, 1], [0, 0]], { dtype: "f64" }), "Cannot differentiate sqrtm"],
    [async (x) => (await linalg.polar(x)).p, singular, "Cannot differentiate polar"],
    [async (x) => (await linalg.polar(x)).u, flat, "Cannot differentiate polar"],
  ];
  for (const [f, at, part] of refused) {
    await assertRejects(() => grad(async (x: Tensor) => (await f(x)).sum())(at), linalg.SingularMatrixError, part);
  }
});

withAndWithoutLibraries("pseudoinverses without full rank: the gradient among matrices of that rank", async (gpu) => {
  for (const [m, n] of [[6, 4], [4, 6], [5, 5]]) {
    const b = normal(gpu, [m, 2], 41), c = normal(gpu, [2, n], 42), w = normal(gpu, [n, m], 43);
    // (B·C)⁺ = C⁺·B⁺ for B of full column rank and C of full row rank.
    const byFactors = async (b: Tensor, c: Tensor) => (await linalg.pinv(c)).matmul(await linalg.pinv(b)).mul(w).sum();
    const direct = async (b: Tensor, c: Tensor) => (await linalg.pinv(b.matmul(c), { rcond: 1e-10 })).mul(w).sum();
    const options = { argnums: [0, 1] } as const;
    const [expected, found] = [await grad(byFactors, options)(b, c), await grad(direct, options)(b, c)];
    for (const q of [0, 1]) {
      const error = await Tensor.reduce("max", "abs(x - y)", { x: found[q], y: expected[q] }).item();
      const size = await expected[q].abs().max().item();
      assert(error <= 1e5 * 2 ** -53 * size, `pinv of [${m}, ${n}] of rank 2: off by ${error} of ${size}`);
    }
  }
});

withAndWithoutLibraries("functions of matrices: higher derivatives and forward mode", async (gpu) => {
  const a = nearIdentity(gpu, [4, 4], 1), positive = a.matmul(a.T), tall = normal(gpu, [5, 3], 15);
  const cases: [string, (x: Tensor) => Promise<Tensor>, Tensor][] = [
    ["expm", (x) => linalg.expm(x), a],
    ["sqrtm", (x) => linalg.sqrtm(x), a],
    ["sqrtm of symmetric", (x) => linalg.sqrtm(x), positive],
    [
      "sign of eigenvalues",
      async (x) => (await linalg.matrixSign(x, { of: "eigenvalues" })).sign,
      a.mul(gpu.tensor([1, -1, 1, 1], { dtype: "f64" })),
    ],
    ["matrixPower", (x) => linalg.matrixPower(x, -2), a],
    ["pinv", (x) => linalg.pinv(x), tall],
    ["polar u", async (x) => (await linalg.polar(x)).u, tall],
    ["polar p", async (x) => (await linalg.polar(x)).p, tall],
    ["matrixSign", async (x) => (await linalg.matrixSign(x)).sign, tall],
    ["nuclear norm", async (x) => (await linalg.norm(x, { ord: "nuc" })).square(), tall],
    ["svd to a rank", async (x) => {
      const { u, s, v } = await linalg.svd(x, { rank: 2 });
      return u.mul(s.expandDims(-2)).matmul(v.T);
    }, tall],
  ];
  for (const [name, f, at] of cases) {
    const loss = async (x: Tensor) => {
      const y = await f(x);
      return y.sin().mul(y).sum();
    };
    await assertGradient(gpu, name, async (x) => ({ g: await grad(loss)(x) }), [at], {
      symmetric: name.endsWith("symmetric"),
    });
    const value = await f(at), w = normal(gpu, value.shape, 8), v = normal(gpu, at.shape, 9);
    const { tangent } = await jvp(f, [at], [v]),
      [g] = await gradientOf(async (x) => ({ y: await f(x) }), [at], { y: w });
    const [forward, reverse] = [await dot(tangent as Tensor, w), await dot(g, v)];
    const size = await Tensor.reduce("sum", "abs(x * y)", { x: g, y: v }).item();
    assert(Math.abs(forward - reverse) <= 1e4 * 2 ** -53 * size, `${name}: ${forward} forward, ${reverse} in reverse`);
  }
});

withAndWithoutLibraries("gradients of functions of matrices leave no memory behind", async (gpu) => {
  const a = nearIdentity(gpu, [4, 4], 1), tall = normal(gpu, [5, 3], 15);
  const cases: [(x: Tensor) => Promise<Tensor>, Tensor][] = [
    [(x) => linalg.expm(x), a],
    [(x) => linalg.sqrtm(x), a],
    [async (x) => (await linalg.matrixSign(x, { of: "eigenvalues" })).sign, a],
    [(x) => linalg.matrixPower(x, -2), a],
    [(x) => linalg.pinv(x), tall],
    [async (x) => (await linalg.polar(x)).u, tall],
    [async (x) => (await linalg.matrixSign(x)).sign, tall],
    [(x) => linalg.norm(x, { ord: "nuc" }), tall],
    [async (x) => (await linalg.svd(x, { rank: 2 })).u, tall],
  ];
  for (const [f, at] of cases) {
    await at.data();
    const before = gpu.memory().live;
    await gpu.scope(async () => {
      const { value, pullback } = await vjp(f, at);
      await pullback(normal(gpu, (value as Tensor).shape, 1));
    });
    assertEquals(gpu.memory().live, before);
  }
});

withAndWithoutLibraries(
  "gradients keep their digits for very large and very small matrices and losses",
  async (gpu) => {
    const g = normal(gpu, [5, 5], 1), symmetric = g.add(g.T), tall = normal(gpu, [6, 4], 2);
    const b = normal(gpu, [6, 2], 3);
    /** Each with the degree in which it grows with the matrix. */
    const cases: [string, number, (x: Tensor) => Promise<Tensor>, Tensor][] = [
      ["eigenvectors", 0, async (x) => (await linalg.eigh(x)).vectors.square(), symmetric],
      ["eigenvalues", 1, async (x) => (await linalg.eigh(x)).values, symmetric],
      ["singular vectors", 0, async (x) => (await linalg.svd(x)).u.square(), tall],
      ["q", 0, async (x) => (await linalg.qr(x)).q, tall],
      ["l", 0, async (x) => (await linalg.lu(x)).l, tall],
      ["pinv", -1, (x) => linalg.pinv(x), tall],
      ["inv", -1, (x) => linalg.inv(x), g],
      ["lstsq", -1, async (x) => (await linalg.lstsq(x, b)).x, tall],
      ["polar u", 0, async (x) => (await linalg.polar(x)).u, tall],
      ["polar p", 1, async (x) => (await linalg.polar(x)).p, tall],
      ["nuclear norm", 1, (x) => linalg.norm(x, { ord: "nuc" }), tall],
      ["sign of eigenvalues", 0, async (x) => (await linalg.matrixSign(x, { of: "eigenvalues" })).sign, g],
    ];
    for (const [name, degree, f, at] of cases) {
      const loss = (weight: number) => async (x: Tensor) => {
        const y = await f(x);
        return y.mul(normal(gpu, y.shape, 4)).sum().mul(weight);
      };
      const expected = await grad(loss(1))(at), size = await expected.abs().max().item();
      // Powers of two round nothing.
      for (const [c, weight] of [[2 ** 480, 1], [2 ** -480, 1], [1, 2 ** 700], [1, 2 ** -700]]) {
        const found = (await grad(loss(weight))(at.mul(c))).div(weight).mul(c ** ((1 - degree) / 2)).mul(
          c ** ((1 - degree) / 2),
        );
        const error = await Tensor.reduce("max", "abs(x - y)", { x: found, y: expected }).item();
        assert(
          error <= 1e4 * 2 ** -53 * size,
          `${name}, matrix times ${c}, loss times ${weight}: off by ${error} of ${size}`,
        );
      }
    }
  },
);
