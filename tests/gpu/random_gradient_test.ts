import { assertEquals } from "@std/assert";
import { assertClose } from "../../src/testing/mod.ts";
import { checkpoint, type Gpu, grad, jvp, open, type Tensor, vjp } from "../../src/tensor/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";
import { onEachDevice } from "./devices.ts";

const SHAPES = [[3, 4], [4], [2, 3, 4], [3, 1]];

/**
 * A random differentiable function of four tensors, as its seed says: the same operations at every call. Values are held in a range in which
 * nothing overflows; older tensors are disposed of on the way, and some steps are checkpointed.
 */
function program(gpu: Gpu, seed: number, steps: number): (leaves: Tensor[]) => Tensor {
  return (leaves) => {
    const random = generator(seed);
    const below = (n: number) => Math.floor(random() * n);
    const pick = <T>(list: readonly T[]): T => list[below(list.length)];
    const held: Tensor[] = leaves.map((t) => t.mul(1));
    const unary: ((x: Tensor) => Tensor)[] = [
      (x) => x.sin(),
      (x) => x.tanh().mul(1.5),
      (x) => x.sigmoid(),
      (x) => x.square().add(0.5).sqrt(),
      (x) => x.mul(-0.7).exp().log1p(),
      (x) => gpu.map("x * exp(-x^2) + cos(2 * x)", { x }),
      (x) => {
        const { a, b } = gpu.map({ a: "sin(x) * 2", b: "x / (1 + x^2)" }, { x });
        return a.mul(b);
      },
      (x) => x.softmax(below(x.rank)),
      (x) => x.logSoftmax(below(x.rank)).tanh(),
      (x) => x.greater(0.1).where(x.mul(2), x.neg().sin()),
      (x) => x.logsumexp(below(x.rank), { keepDims: true }).sub(x.mean()),
      (x) => x.std(null, { ddof: 0 }).add(x),
      (x) => x.sum(below(x.rank), { keepDims: true }).mul(0.3).add(x),
      (x) => x.max(-1, { keepDims: true }).sub(x),
      (x) => x.transpose().flip(0),
      (x) => x.reshape([-1, 1, x.shape[0]]),
      (x) => x.slice([null, null, -1], ...(x.rank > 1 ? [[0, null, 2] as const] : [])),
      (x) => gpu.concatenate([x, x.sin()], below(x.rank)),
      (x) => x.take([0, -1, 0], below(x.rank)),
      (x) => x.expandDims(0).broadcastTo([2, ...x.shape]).mean(0),
      (x) => checkpoint((x: Tensor) => x.sin().mul(x).tanh())(x),
      (x) => x.rank === 2 ? x.matmul(x.T).mul(0.2).tanh() : x.matmul(x.rank === 1 ? x : x.T).tanh(),
      (x) => gpu.reduce("sum", "x * y / 4", { x, y: x.cos() }, -1),
    ];
    for (let k = 0; k < steps; k++) {
      let x = pick(held);
      if (x.rank === 0 || x.rank > 3 || x.size > 120) x = pick(leaves);
      const y = pick(unary)(x);
      const partner = held.find((t) =>
        t.rank <= y.rank && t.shape.every((s, q) => [1, y.shape[q + y.rank - t.rank]].includes(s))
      );
      held.push(partner && random() < 0.5 ? y.add(partner.mul(0.5)) : y);
      if (held.length > 6) held.splice(below(held.length - 1), 1)[0].dispose();
    }
    return held.map((t) => t.mean()).reduce((a, b) => a.add(b));
  };
}

const LENGTH = 14;

function leavesOf(gpu: Gpu, seed: number, dtype: "f32" | "f64"): Tensor[] {
  const random = generator(seed + 1000);
  return SHAPES.map((shape) => {
    const data = Float64Array.from({ length: shape.reduce((n, s) => n * s, 1) }, () => 2 * random() - 1);
    return gpu.tensor(dtype === "f64" ? data : Float32Array.from(data), { shape, dtype });
  });
}

Deno.test("random programs: gradients and tangents agree with central differences in f64", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  for (let seed = 1; seed <= 24; seed++) {
    await gpu.scope(async () => {
      const f = program(gpu, seed, LENGTH), x = leavesOf(gpu, seed, "f64"), v = leavesOf(gpu, seed + 500, "f64");
      const g = grad(f, { unreached: "zeros" })(x) as Tensor[];
      const along = await g.map((t, k) => t.mul(v[k]).sum()).reduce((a, b) => a.add(b)).item();
      const at = async (h: number) => await f(x.map((t, k) => t.add(v[k].mul(h)))).item();
      const h = 2 ** -14, slope = async (h: number) => (await at(h) - await at(-h)) / (2 * h);
      const near = await slope(h), far = await slope(2 * h);
      assertClose([along], [near + (near - far) / 3], { atol: Math.abs(near - far) + 2 ** -50 / h * 64 });
      const tangent = jvp(f, [x], [v]).tangent as Tensor;
      assertClose([await tangent.item()], [along], { atol: 2 ** -46 * (1 + Math.abs(along)) });
      const { pullback } = vjp(f, x);
      const [again] = pullback(gpu.tensor(1, { dtype: "f64" })) as unknown as [Tensor[]];
      assertEquals(await Promise.all(again.map((t) => t.array())), await Promise.all(g.map((t) => t.array())));
    });
    assertEquals(gpu.memory().rows, [], `seed ${seed} leaves memory behind`);
  }
});

onEachDevice("random programs: gradients in f32 agree with those in f64", async (gpu) => {
  await using host = await open({ backend: "cpu", tune: "off" });
  for (let seed = 1; seed <= (gpu.info.backend === "cpu" ? 12 : 4); seed++) {
    await gpu.scope(async () => {
      const exact = grad(program(host, seed, LENGTH), { unreached: "zeros" })(leavesOf(host, seed, "f64")) as Tensor[];
      const found = grad(program(gpu, seed, LENGTH), { unreached: "zeros" })(leavesOf(gpu, seed, "f32")) as Tensor[];
      for (let k = 0; k < exact.length; k++) {
        const want = Float64Array.from(await exact[k].data()),
          scale = want.reduce((s, x) => Math.max(s, Math.abs(x)), 1);
        assertClose(await found[k].data(), want, { atol: 2 ** -24 * 64 * LENGTH * scale });
      }
    });
    assertEquals(gpu.memory().rows, []);
  }
});
