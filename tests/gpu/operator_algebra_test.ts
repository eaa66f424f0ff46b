import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Gpu, operators, type Tensor } from "../../mod.ts";
import { onEachDevice } from "./devices.ts";

const { banded, blockDiagonal, circulant, concatenate, dense, diagonal, identity, kronecker, linearOperator } =
  operators;
const { lowRank, monarch, permutation, toeplitz, zero } = operators;

const kindOf = (a: operators.LinearOperator) => a.structure.kind;

onEachDevice("the algebra keeps structure where there is one", async (gpu) => {
  await gpu.scope(() => {
    const d = diagonal(gpu.tensor([1, 2, 3, 4])), i = identity(gpu, 4), c = circulant(gpu.tensor([4, 1, 0, 1]));
    const a = dense(gpu.random.normal([4, 4], { seed: 1 })), u = lowRank(gpu.random.normal([4, 2], { seed: 2 }));
    const t = toeplitz(gpu.tensor([1, 2, 3, 4])), p = permutation(gpu, [1, 2, 3, 0]);
    const cases: [string, operators.LinearOperator][] = [
      ["diagonal", d.compose(d)],
      ["diagonal", d.add(i)],
      ["diagonal", i.scale(2).compose(d)],
      ["identity", i.compose(i)],
      ["dense", i.compose(a)],
      ["dense", a.T.T],
      ["dense", a.add(zero(gpu, [4, 4]))],
      ["zero", a.subtract(a)],
      ["dense", a.subtract(dense(gpu.ones([4, 4])))],
      ["scaled", p.add(p)],
      ["permutation", p.add(a).subtract(a)],
      ["zero", a.compose(zero(gpu, [4, 7]))],
      ["zero", a.scale(0)],
      ["circulant", c.compose(c)],
      ["circulant", c.add(c).scale(3)],
      ["circulant", c.T],
      ["toeplitz", t.add(t)],
      ["lowRank", u.add(u)],
      ["lowRank", a.compose(u)],
      ["lowRank", u.compose(c)],
      ["lowRank", u.scale(-2)],
      ["sum", d.add(u)],
      ["permutation", p.compose(p)],
      ["identity", p.T.compose(p).compose(i)],
      ["permutation", p.T],
      ["kronecker", kronecker([a, d]).compose(kronecker([a, d]))],
      ["kronecker", kronecker([a, d]).T],
      ["kronecker", kronecker([a, kronecker([d, a])])],
      ["identity", i.kronecker(i)],
      ["scaled", a.scale(2).compose(a)],
      ["scaled", a.scale(2).scale(3)],
      ["product", a.compose(d)],
      ["identity", a.power(0)],
      ["product", a.power(3)],
      ["diagonal", d.power(5)],
      ["blockDiagonal", blockDiagonal([a, d]).compose(blockDiagonal([d, a]))],
    ];
    for (const [k, [kind, made]] of cases.entries()) {
      // A permutation is undone by its transpose.
      if (kind === "identity" && kindOf(made) === "permutation") {
        const { structure } = made;
        assertEquals(structure.kind === "permutation" && structure.indices, [0, 1, 2, 3]);
      } else assertEquals(kindOf(made), kind, `case ${k}`);
    }
    const nested = kronecker([a, kronecker([d, a])]).structure;
    assert(nested.kind === "kronecker" && nested.factors.length === 3);
    const scaled = a.scale(2).scale(3).structure;
    assert(scaled.kind === "scaled" && scaled.factor === 6);
  });
});

onEachDevice("what is known of parts is known of what they make", async (gpu) => {
  await gpu.scope(() => {
    const a = dense(gpu.random.normal([4, 3], { seed: 1 })), i = identity(gpu, 4);
    const spd = dense(gpu.tensor([[2, 1], [1, 2]]), { flags: { positiveDefinite: true } });
    const gram = a.compose(a.T);
    assert(gram.flags.positiveSemidefinite && !gram.flags.positiveDefinite);
    assert(gram.add(i).flags.positiveDefinite && !gram.subtract(i).flags.positiveSemidefinite);
    assert(a.T.compose(a).flags.symmetric && !a.compose(a.T).compose(gram.add(i)).flags.symmetric);
    assert(spd.scale(2).flags.positiveDefinite && spd.scale(-1).flags.symmetric);
    assert(!spd.scale(-1).flags.positiveSemidefinite && !spd.scale(gpu.tensor(2)).flags.positiveSemidefinite);
    assert(spd.kronecker(spd).flags.positiveDefinite && spd.T.flags.positiveDefinite);
    assert(!spd.compose(spd.add(spd)).flags.symmetric || spd.compose(spd).flags.positiveSemidefinite);
    const h = operators.hadamard(gpu, 4, { normalized: true }), p = permutation(gpu, [1, 0, 3, 2]);
    assert(h.compose(p).flags.orthogonal && h.kronecker(p).flags.orthogonal && !h.add(p).flags.orthogonal);
    assert(h.scale(-1).flags.orthogonal && !h.scale(2).flags.orthogonal);
    const lower = banded([gpu.ones([4]), gpu.ones([3])], [0, -1]);
    assert(lower.compose(lower).flags.lowerTriangular && lower.T.flags.upperTriangular);
    assert(!lower.compose(lower.T).flags.lowerTriangular && lower.compose(lower.T).flags.positiveSemidefinite);
    assert(!lowRank(gpu.ones([3, 1]), gpu.ones([3, 1])).flags.symmetric && lowRank(gpu.ones([3, 1])).flags.symmetric);
  });
});

onEachDevice("an operator outlives what it is made of, and a scope keeps what it reads", async (gpu) => {
  const d = gpu.tensor([1, 2, 3]), before = gpu.device.ledger.count;
  const a = diagonal(d), b = a.add(a), c = b.compose(a.scale(2));
  b.dispose();
  a.dispose();
  using product = c.apply(d);
  assertEquals(await product.array(), [4, 32, 108]);
  assert(a.disposed && !c.disposed);
  assertThrows(() => a.apply(d), Error, "after it was disposed of");
  assertThrows(() => a.add(c), Error, "after it was disposed of");
  c.dispose();
  assertThrows(() => c.toDense(), Error, "after it was disposed of");
  const kept = await gpu.scope(() => {
    const other = circulant(gpu.tensor([1, 0, 0]));
    return { sum: other.scale(3).add(identity(gpu, 3)).compose(kronecker([other, identity(gpu, 1)])) };
  });
  using y = kept.sum.apply(d);
  const found = await y.data();
  assert(found.every((v, k) => Math.abs(v - 4 * (k + 1)) < 1e-5), `${found}`);
  const whole = kept.sum.parts;
  kept.sum.dispose();
  assert(whole.length > 0);
  product.dispose();
  y.dispose();
  await gpu.sync();
  // A scope keeps what the operator reads too, which belongs to whoever made it: it stays until it is collected.
  assert(gpu.device.ledger.count >= before);
});

onEachDevice("an operator says in words what it is", async (gpu) => {
  await gpu.scope(() => {
    const c = circulant(gpu.tensor([2, 1, 0, 1]), { flags: { positiveSemidefinite: true } });
    const text = `LinearOperator [4, 4] f32 circulant, positive semidefinite; ${c.flops} operations a product`;
    assertEquals([c.toString(), Deno.inspect(c)], [text, text]);
    const display = (c as unknown as Record<symbol, () => unknown>)[Symbol.for("Jupyter.display")];
    assertEquals(display(), { "text/plain": text });
    assertEquals(
      `${identity(gpu, 2)}`.slice(0, 71),
      "LinearOperator [2, 2] f32 identity, positive definite, orthogonal, diag",
    );
    assertEquals(`${dense(gpu.ones([2, 3]))}`, "LinearOperator [2, 3] f32 dense; 12 operations a product");
    c.dispose();
    assert(`${c}`.endsWith("(disposed)"));
  });
});

onEachDevice("operators that do not fit are refused in words", async (gpu) => {
  const vector = (n: number) => gpu.ones([n]), a = dense(gpu.ones([2, 3])), square = dense(gpu.ones([3, 3]));
  const refused: [() => unknown, typeof TypeError | typeof RangeError, string][] = [
    [() => a.add(square), TypeError, "Cannot add operators [2, 3] and [3, 3]: shapes differ"],
    [() => a.compose(a), TypeError, "inner sizes 3 and 2 differ"],
    [() => a.add(gpu.ones([2, 3]) as unknown as typeof a), TypeError, "see dense for a matrix"],
    [() => a.scale(NaN), RangeError, "finite factor"],
    [() => a.scale(vector(2)), TypeError, "factor of one f32"],
    [() => a.scale("2" as unknown as number), TypeError, "string"],
    [() => a.power(2), TypeError, "not square"],
    [() => square.power(-1), RangeError, "got -1"],
    [() => dense(vector(3)), TypeError, "Expected a matrix"],
    [() => dense(gpu.ones([2, 3]), { flags: { symmetric: true } }), TypeError, "cannot be symmetric"],
    [() => diagonal(gpu.ones([2, 2])), TypeError, "[2, 2]"],
    [() => lowRank(gpu.ones([3, 2]), gpu.ones([3, 1])), TypeError, "[3, 2] and [3, 1]"],
    [() => circulant(gpu.ones([0])), RangeError, "at least one element"],
    [() => circulant(gpu.ones([3], "i32")), TypeError, "i32"],
    [() => toeplitz(vector(3), gpu.ones([2, 2])), TypeError, "row of a Toeplitz"],
    [() => permutation(gpu, [0, 0]), RangeError, "got 0 at 1 again"],
    [() => permutation(gpu, [0, 2]), RangeError, "got 2 at 1"],
    [() => banded([vector(3)], [0, 1]), TypeError, "got 1 and 2"],
    [() => banded([vector(3), vector(3)], [0, 1]), TypeError, "offset 1 to be f32 [2]"],
    [() => banded([vector(3), vector(3)], [0, 0]), RangeError, "distinct"],
    [() => blockDiagonal(gpu.ones([2, 2])), TypeError, "[b, p, q]"],
    [() => blockDiagonal([]), TypeError, "at least one"],
    [() => monarch(gpu.ones([2, 3, 4]), gpu.ones([4, 3, 2])), TypeError, "[q, s, k]"],
    [() => kronecker([a, gpu.ones([2]) as unknown as typeof a]), TypeError, "object at 1"],
    [() => concatenate([a, dense(gpu.ones([2, 2]))]), TypeError, "the other sizes differ"],
    [() => operators.fft(gpu, 0), RangeError, "got 0"],
    [() => operators.hadamard(gpu, 12), RangeError, "power of two"],
    [() => linearOperator({ shape: [2, -1], device: gpu.device, apply: (x) => x }), RangeError, "[2, -1]"],
    [() => operators.pairwise("x[i] * 2", { x: vector(3) }), TypeError, "at [j]"],
  ];
  for (const [fn, kind, text] of refused) assertThrows(fn, kind, text);
  const oneWay = linearOperator({ shape: [3, 3], device: gpu.device, apply: (x: Tensor) => x.mul(2) });
  assertThrows(() => oneWay.applyTransposed(vector(3)), TypeError, "no product with its transpose");
  assertEquals(await oneWay.toDense().array(), [[2, 0, 0], [0, 2, 0], [0, 0, 2]]);
  const wrong = linearOperator({ shape: [2, 3], device: gpu.device, apply: (x: Tensor) => x.mul(2) });
  assertThrows(() => wrong.apply(vector(3)), TypeError, "Expected a product of shape [2, 1], got [3, 1]");
});

onEachDevice("operators of two devices do not mix", async (gpu: Gpu) => {
  const { open } = await import("../../mod.ts");
  await using other = await open({ backend: "cpu", tune: "off" });
  const a = identity(gpu, 2), b = identity(other, 2);
  assertThrows(() => a.add(b), TypeError, "devices differ");
  assertThrows(() => a.apply(other.ones([2])), TypeError, "devices differ");
  assertThrows(() => kronecker([a, b]), TypeError, "one dtype and device");
});
