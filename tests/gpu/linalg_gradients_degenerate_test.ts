import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Gpu, grad, linalg, Tensor } from "../../mod.ts";
import { roundoff } from "../../src/device/mod.ts";
import { normal } from "./linalg_differences.ts";
import { withAndWithoutLibraries } from "./libraries.ts";

type Float = "f32" | "f64";

/** An orthogonal matrix. */
const orthogonal = async (gpu: Gpu, n: number, seed: number, dtype: Float) =>
  (await linalg.qr(normal(gpu, [n, n], seed, "f64"))).q.astype(dtype);

/** Q·diag(λ)·Qᵀ, symmetric to the last bit. */
const withEigenvalues = (q: Tensor, values: Tensor) => {
  const a = q.mul(values.expandDims(-2)).matmul(q.T);
  return a.add(a.T).mul(0.5);
};

/** Fails unless two matrices agree to `units` of roundoff, relative to the largest element. */
async function assertSame(what: string, found: Tensor, expected: Tensor, units: number): Promise<void> {
  const error = await Tensor.reduce("max", "abs(x - y)", { x: found, y: expected }).item();
  const size = await expected.abs().max().item(), bound = units * roundoff(found.dtype) * size;
  assert(error <= bound, `${what}: off by ${error}, over ${bound}`);
}

withAndWithoutLibraries("gradients where eigenvalues coincide: what is determined comes out right", async (gpu) => {
  for (const dtype of ["f64", "f32"] as const) {
    for (const [n, k] of [[3, 2], [6, 2], [12, 5], [40, 13]]) {
      await gpu.scope(async () => {
        const q = await orthogonal(gpu, n, 3, dtype), h = normal(gpu, [n, n], 9, dtype), s = h.add(h.T).mul(0.5);
        const values = Array.from({ length: n }, (_, i) => i < k ? 1 : 2 + i % 3), units = 64 * n;
        const lambda = gpu.tensor(values, { dtype }), a = withEigenvalues(q, lambda);

        // d Σ f(λ) = V·diag(f'(λ))·Vᵀ.
        const sum = await grad(async (x: Tensor) => (await linalg.eigh(x)).values.log().sum())(a);
        await assertSame("Σ log λ", sum, withEigenvalues(q, lambda.reciprocal()), units);

        // A projection onto the cluster: its complement has the gaps λ_j − 1 to it.
        const project = async (x: Tensor) => {
          const first = (await linalg.eigh(x)).vectors.slice(null, [0, k]);
          return first.matmul(first.T).mul(h).sum();
        };
        const [inside, outside] = [q.slice(null, [0, k]), q.slice(null, [k, n])];
        const gaps = lambda.slice([k, n]).sub(1).expandDims(0);
        const half = inside.matmul(inside.T.matmul(s).matmul(outside).div(gaps)).matmul(outside.T).neg();
        await assertSame("projection", await grad(project)(a), half.add(half.T), units);

        // The same with a sum over the cluster; a trace has one eigenvalue cotangent for all.
        const both = await grad(async (x: Tensor) => {
          return (await project(x)).add((await linalg.eigh(x)).values.square().sum());
        })(a);
        await assertSame("projection and Σ λ²", both, half.add(half.T).add(a.mul(2)), units);

        // Functions of the matrix: d⟨H, A³⟩ = A²·S + A·S·A + S·A² with S = sym(H), d⟨H, A⁻¹⟩ = −A⁻¹·S·A⁻¹.
        const through = (formula: string, weights = h) => async (x: Tensor) => {
          const { values, vectors } = await linalg.eigh(x), f = gpu.map(formula, { x: values });
          return vectors.mul(f.expandDims(-2)).matmul(vectors.T).mul(weights).sum();
        };
        const [as, sa] = [a.matmul(s), s.matmul(a)], inverse = withEigenvalues(q, lambda.reciprocal());
        const cubed = a.matmul(as).add(as.matmul(a)).add(sa.matmul(a));
        await assertSame("A³", await grad(through("x^3"))(a), cubed, 4 * units);
        await assertSame("A⁻¹", await grad(through("1 / x"))(a), inverse.matmul(s).matmul(inverse).neg(), 4 * units);
        // All eigenvalues equal, weights with a pattern.
        const one = gpu.eye(n).astype(dtype), flip = one.flip(), ones = gpu.ones([n, n], dtype);
        for (const weights of [flip, ones, s]) {
          await assertSame("exp at I", await grad(through("exp(x)", weights))(one), weights.mul(Math.E), units);
        }
        // The Hessian of Σ log λ is E ↦ −A⁻¹·E·A⁻¹.
        const slope = grad(async (x: Tensor) => (await linalg.eigh(x)).values.log().sum());
        const curved = await grad(async (x: Tensor) => (await slope(x)).mul(s).sum())(a);
        await assertSame("Hessian of Σ log λ", curved, inverse.matmul(s).matmul(inverse).neg(), 4 * units);
      });
    }
  }
});

withAndWithoutLibraries(
  "gradients where eigenvalues coincide: what is not determined is refused in words",
  async (gpu) => {
    const message = async (run: () => Promise<unknown>) => (await assertRejects(run, linalg.DegenerateError)).message;
    for (const dtype of ["f64", "f32"] as const) {
      const n = 6, q = await orthogonal(gpu, n, 3, dtype), h = normal(gpu, [n, n], 9, dtype);
      const a = withEigenvalues(q, gpu.tensor([1, 2, 2, 3, 4, 5], { dtype }));
      const single = (degenerate?: linalg.Degenerate) => async (x: Tensor) =>
        (await linalg.eigh(x, { degenerate })).vectors.slice(null, 1).mul(h.at(0)).sum();
      const said = await message(() => grad(single())(a));
      assert(
        said.startsWith(
          "Cannot differentiate eigh: the loss depends on the choice of vectors of eigenvalues 1 to 2",
        ),
      );
      const left = await grad(single("zero"))(a);
      assert(await left.abs().max().item() < 10, "left out, the rest is moderate");

      // With f(λ) = 0 on the cluster the cotangents do not tell that it is a function of the matrix; nor do those of a sum of two.
      const through = async (x: Tensor, ...terms: [formula: string, weights: Tensor][]) => {
        const { values, vectors } = await linalg.eigh(x);
        const parts = terms.map(([formula, weights]) =>
          vectors.mul(gpu.map(formula, { x: values }).expandDims(-2)).matmul(vectors.T).mul(weights).sum()
        );
        return parts.reduce((sum, part) => sum.add(part));
      };
      const shifted = await message(() => grad((x: Tensor) => through(x, ["x - 2", h]))(a));
      assert(shifted.includes("how eigenvalues 1 to 2, which coincide"), shifted);
      const other = normal(gpu, [n, n], 10, dtype);
      await message(() => grad((x: Tensor) => through(x, ["x^3", h], ["exp(x)", other]))(a));
      // Of two decompositions each is determined.
      await grad(async (x: Tensor) => (await through(x, ["x^3", h])).add(await through(x, ["exp(x)", other])))(a);
      // Of vectors alone it does not depend on how eigenvalues come apart.
      const spanned = gpu.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 5]], { dtype }), ones = gpu.ones([3, 3], dtype);
      const projected = await grad(async (x: Tensor) => {
        const first = (await linalg.eigh(x)).vectors.slice(null, [0, 2]);
        return first.matmul(first.T).mul(ones).sum();
      })(spanned);
      await assertSame(
        "projection",
        projected,
        gpu.tensor([[0, 0, -0.25], [0, 0, -0.25], [-0.25, -0.25, 0]], { dtype }),
        16,
      );

      // Eigenvalues alone are never refused: the gradient of one of a matrix nearby.
      const least = await grad(async (x: Tensor) => (await linalg.eigh(x)).values.slice(1).sum())(a);
      await assertSame("λ₁", least.matmul(least), least, 256);
      await assertSame("its eigenvalue", a.matmul(least), least.mul(2), 256);
      // Near, but apart: large, and not refused.
      const near = withEigenvalues(q, gpu.tensor([1, 2, 2 + 1e4 * roundoff(dtype), 3, 4, 5], { dtype }));
      assert(await (await grad(single())(near)).abs().max().item() > 1);
    }
    await assertRejects(
      () => linalg.eigh(gpu.eye(2), { degenerate: "ignore" as "zero" }),
      TypeError,
      'Expected "degenerate" to be "refuse" or "zero", got "ignore"',
    );
  },
);

withAndWithoutLibraries("gradients where singular values coincide or are zero", async (gpu) => {
  const refused = async (run: () => Promise<unknown>, part: string) => {
    const { message } = await assertRejects(run, linalg.DegenerateError);
    assert(message.includes(part), message);
  };
  for (const dtype of ["f64", "f32"] as const) {
    for (const [m, n] of [[7, 4], [4, 7], [5, 5]]) {
      const k = Math.min(m, n), units = 64 * (m + n);
      const u = (await orthogonal(gpu, m, 3, dtype)).slice(null, [0, k]);
      const v = (await orthogonal(gpu, n, 4, dtype)).slice(null, [0, k]);
      const of = (s: number[]) => u.mul(gpu.tensor(s.slice(0, k), { dtype }).expandDims(0)).matmul(v.T);
      const h = normal(gpu, [m, n], 9, dtype);

      // u·vᵀ has a gradient with sums of singular values only: any multiplicity is right. By differences of the matrix's own formula
      // H·(AᵀA)^{-1/2} that is slow; here all s are equal to c, so that A = c·W, and dW = (dA − W·dAᵀ·W)/(2c) + outside parts.
      const c = 2, equal = of([c, c, c, c, c]), w = u.matmul(v.T);
      const msign = async (x: Tensor) => {
        const parts = await linalg.svd(x);
        return parts.u.matmul(parts.v.T).mul(h).sum();
      };
      const outside = m > n ? h.sub(w.matmul(w.T.matmul(h))) : m < n ? h.sub(h.matmul(w.T).matmul(w)) : h.mul(0);
      const within = h.sub(outside), expected = within.sub(w.matmul(h.T).matmul(w)).div(2 * c).add(outside.div(c));
      await assertSame("u·vᵀ", await grad(msign)(equal), expected, units);

      // Singular values alone: any cluster, and zero.
      const nuclear = async (x: Tensor) => (await linalg.svdvals(x)).sum();
      await assertSame("Σ s", await grad(nuclear)(equal), w, units);

      // A projection onto leading left vectors with a gap, while the rest are zero.
      const low = of([3, 3, 0, 0, 0]);
      const project = async (x: Tensor) => {
        const first = (await linalg.svd(x)).u.slice(null, [0, 2]);
        return first.matmul(first.T).mul(normal(gpu, [m, m], 8, dtype)).sum();
      };
      // dP = N·dA·A⁺ + (…)ᵀ with N = I − P.
      const p = u.slice(null, [0, 2]).matmul(u.slice(null, [0, 2]).T), inverse = low.T.div(9);
      const g = normal(gpu, [m, m], 8, dtype), sym = g.add(g.T);
      await assertSame("projection", await grad(project)(low), sym.sub(p.matmul(sym)).matmul(inverse.T), units);

      // What depends on single vectors of equal or zero singular values.
      const one = (column: number, side: "u" | "v") => async (x: Tensor) =>
        (await linalg.svd(x))[side].slice(null, column).mul(normal(gpu, [side === "u" ? m : n], 7, dtype)).sum();
      const twice = of([5, 3, 3, 1, 0.5]);
      for (const side of ["u", "v"] as const) {
        await refused(() => grad(one(1, side))(twice), "singular values 1 to 2, which coincide");
        // One value of zero among k: its vector on the short side is the only one left.
        const zero = () => grad(one(3, side))(of([5, 3, 2, 0, 0]));
        if (m !== n && (m > n) === (side === "v")) assert(await (await zero()).isFinite().all().item() === 1);
        else await refused(zero, m === n ? "singular values 3 to 4" : "singular value 3, which is zero");
        assert(await (await grad(one(0, side))(twice)).isFinite().all().item() === 1);
      }
      // Functions of the matrix, through factors: the matrix itself, whose gradient is H, whatever coincides.
      const product = (formula: string) => async (x: Tensor) => {
        const { u, s, v } = await linalg.svd(x);
        return u.mul(gpu.map(formula, { s }).expandDims(0)).matmul(v.T).mul(h).sum();
      };
      await assertSame("u·diag(s)·vᵀ", await grad(product("s"))(twice), h, units);
      if (m === n) await assertSame("u·diag(s)·vᵀ, all equal", await grad(product("s"))(equal), h, units);
      // A·AᵀA by u·diag(s³)·vᵀ: d⟨H, A·AᵀA⟩ = H·AᵀA + A·HᵀA + A·Aᵀ·H.
      const at = of([2, 1, 1, 1, 0.5]),
        cubed = h.matmul(at.T).matmul(at).add(at.matmul(h.T).matmul(at))
          .add(at.matmul(at.T).matmul(h));
      await assertSame("u·diag(s³)·vᵀ", await grad(product("s^3"))(at), cubed, 4 * units);
      await refused(() => grad(product("s - 3"))(twice), "how singular values 1 to 2, which coincide");
    }
  }
});

withAndWithoutLibraries("bases of whole spaces have gradients where the loss depends on their span", async (gpu) => {
  for (const [m, n] of [[6, 3], [3, 6]]) {
    const a = normal(gpu, [m, n], 31), g = normal(gpu, [6, 6], 32), side = m > n ? "u" : "v";
    const complement = async (x: Tensor) => {
      const basis = (await linalg.svd(x, { full: true }))[side].slice(null, [3, 6]);
      return basis.matmul(basis.T).mul(g).sum();
    };
    const span = async (x: Tensor) => {
      const basis = (await linalg.svd(x))[side];
      return basis.matmul(basis.T).mul(g).sum().neg();
    };
    await assertSame("svd", await grad(complement)(a), await grad(span)(a), 1e4);
    await assertRejects(
      () => grad(async (x: Tensor) => (await linalg.svd(x, { full: true }))[side].slice(null, 4).mul(g.at(0)).sum())(a),
      linalg.DegenerateError,
      `the choice of the columns of ${side} beyond the singular values`,
    );
    if (m < n) continue;
    const completed = async (x: Tensor) => {
      const { q, r } = await linalg.qr(x, { mode: "complete" }), basis = q.slice(null, [3, 6]);
      return basis.matmul(basis.T).mul(g).sum().add(r.square().mul(normal(gpu, [6, 3], 33)).sum());
    };
    const reduced = async (x: Tensor) => {
      const { q, r } = await linalg.qr(x);
      return r.square().mul(normal(gpu, [6, 3], 33).slice([0, 3])).sum().sub(q.matmul(q.T).mul(g).sum());
    };
    await assertSame("qr", await grad(completed)(a), await grad(reduced)(a), 1e4);
    await assertRejects(
      () => grad(async (x: Tensor) => (await linalg.qr(x, { mode: "complete" })).q.mul(g).sum())(a),
      linalg.DegenerateError,
      "the choice of the columns of q beyond those of the matrix",
    );
  }
});

withAndWithoutLibraries(
  "determinants of singular matrices have gradients, solutions and logarithms have none",
  async (gpu) => {
    for (const dtype of ["f64", "f32"] as const) {
      const n = 5, q = await orthogonal(gpu, n, 3, dtype), p = await orthogonal(gpu, n, 4, dtype);
      const of = (s: number[]) => q.mul(gpu.tensor(s, { dtype }).expandDims(0)).matmul(p.T);
      const det = grad(async (x: Tensor) => (await linalg.det(x)).sum());
      const sign = Math.sign(await (await linalg.det(of([1, 1, 1, 1, 1]))).item());
      // Cofactors are those of the formula with the other singular values.
      for (
        const s of [[4, 3, 2, 1, 0], [4, 3, 2, 1, 1e-3 * roundoff(dtype)], [4, 3, 2, 1, 1e-2], [4, 4, 4, 1e-9, 0], [
          4,
          3,
          0,
          0,
          0,
        ]]
      ) {
        const others = s.map((_, i) => s.reduce((product, x, j) => j === i ? product : product * x, sign));
        const found = await det(of(s)), expected = of(others);
        const error = await Tensor.reduce("max", "abs(x - y)", { x: found, y: expected }).item();
        // A change of the matrix by u changes cofactors by the products of n − 2 others.
        const bound = 64 * n * roundoff(dtype) * 4 * 4 * 3 * 2;
        assert(error <= bound, `cofactors for ${s}: off by ${error}, over ${bound}`);
      }
      assertEquals(await (await det(gpu.zeros([1, 1], dtype))).array(), [[1]]);
      const singular = gpu.tensor([[1, 2], [2, 4]], { dtype });
      const said = await assertRejects(
        () => grad(async (x: Tensor) => (await linalg.slogdet(x)).logAbsDet.sum())(singular),
        linalg.SingularMatrixError,
      );
      assertEquals(
        said.message,
        "Cannot differentiate log |det A|, which is −∞. The matrix is singular: pivot 2 of 2 is zero",
      );
      // Dependent columns have a q and an l of which columns are arbitrary.
      for (
        const f of [
          async (x: Tensor) => (await linalg.qr(x)).q.sum(),
          async (x: Tensor) => (await linalg.lu(x)).l.sum(),
        ]
      ) {
        await assertRejects(
          () => grad(f)(gpu.tensor([[1, 0, 2], [3, 0, 1], [4, 0, 7]], { dtype })),
          linalg.SingularMatrixError,
        );
      }
    }
  },
);

withAndWithoutLibraries("least squares without full rank: the gradient among matrices of that rank", async (gpu) => {
  for (const [m, n] of [[7, 4], [4, 7], [5, 5]]) {
    // A = B·C of rank 2, differentiated by B and C, is compared with what the chain rule gives for A.
    const b = normal(gpu, [m, 2], 41), c = normal(gpu, [2, n], 42), y = normal(gpu, [m, 3], 43);
    const weights = normal(gpu, [n, 3], 44);
    const byFactors = async (left: Tensor, right: Tensor) => {
      // x = C⁺·B⁺·y, each of full rank.
      const inner = (await linalg.lstsq(left, y)).x;
      return (await linalg.lstsq(right, inner)).x.mul(weights).sum();
    };
    const direct = async (left: Tensor, right: Tensor) =>
      (await linalg.lstsq(left.matmul(right), y, { rcond: 1e-10 })).x.mul(weights).sum();
    const [expected, found] = [
      await grad(byFactors, { argnums: [0, 1] })(b, c),
      await grad(direct, { argnums: [0, 1] })(b, c),
    ];
    for (const q of [0, 1]) await assertSame(`lstsq of [${m}, ${n}] of rank 2`, found[q], expected[q], 1e5);
  }
});
