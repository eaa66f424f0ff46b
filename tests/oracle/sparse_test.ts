import { assertEquals } from "@std/assert";
import { Tensor } from "../../src/tensor/mod.ts";
import { assertClose } from "../../src/testing/mod.ts";
import { onEachDevice } from "../gpu/devices.ts";
import { load } from "./fixtures.ts";

onEachDevice("sparse matrices, their products and reductions are SciPy's", async (gpu) => {
  for (const problem of load("sparse").cases) {
    const { name, shape: [n, m], rows, columns, values } = problem;
    const matrix = (data: number[][], height: number) =>
      gpu.tensor(Float32Array.from(data.flat()), { shape: [height, problem.b[0].length] });
    using s = gpu.sparse({ rows, columns, values, shape: problem.shape });
    const found = await s.data();
    assertEquals([...found.starts], problem.starts, name);
    assertEquals([...found.columns], problem.indices, name);
    // Multiples of 1/8 of a few units: every sum of products is exact in single precision.
    assertEquals([...found.values], problem.data, name);
    const b = matrix(problem.b, m), u = matrix(problem.u, n);
    assertEquals(await s.matmul(b).array(), problem.product, name);
    assertEquals(await s.T.matmul(u).array(), problem.transposed, name);
    using sampled = s.sampledMatmul(u, b);
    assertEquals([...(await sampled.data()).values], problem.sampled, name);
    assertEquals(await s.sum().array(), problem.sum, name);
    assertEquals(await s.max().array(), problem.max, name);
    using soft = s.softmax();
    assertClose((await soft.data()).values, problem.softmax, { rtol: 1e-6 });
  }
});

onEachDevice("scans are those of NumPy, and of SciPy's recursive filter", async (gpu) => {
  for (const { name, x: data, axis, a: factor, ...expected } of load("scan").cases) {
    const x = gpu.tensor(data), a = gpu.full(x.shape, factor);
    for (const kind of ["sum", "max", "linear"] as const) {
      const inputs: Record<string, Tensor> = kind === "linear" ? { x, a } : { x };
      const { out } = Tensor.apply("scan", inputs, { scan: kind, axis });
      const flat = (expected[kind] as number[]).flat(3) as number[];
      if (kind === "linear") assertClose(await out.data(), flat, { atol: 1e-5 });
      else assertEquals([...await out.data()], flat, name);
    }
  }
});
