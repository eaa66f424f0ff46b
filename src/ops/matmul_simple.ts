import type { KernelVariant } from "./define.ts";
import type { MatmulParams } from "./matmul.ts";
import { batchIndexing, matmulCall } from "./matmul_call.ts";
import { longestSum, splitSum } from "./matmul_parts.ts";
import { sizeOf } from "./value.ts";

const WORKGROUP = 64;

/**
 * One invocation per element of the output: reads a row of `a` and a column of `b` wherever they are. The kernel to
 * read first.
 */
export const matmulSimple: KernelVariant<MatmulParams> = {
  name: "simple",
  // Two loads for each product of two numbers: worth it only where one dispatch is all that counts.
  rank: (call) => {
    const { layout, batches } = matmulCall(call);
    return batches * layout.m * layout.n * layout.k <= 1 << 14 ? 4 : -2;
  },
  record: (call) => {
    const product = matmulCall(call);
    const { layout, a, b } = product, { m, n, k, sum } = layout;
    const parts = splitSum(call, product, { longest: longestSum(call, 1) }), { epilogue } = parts;
    const index = batchIndexing(product, epilogue);
    const total = sizeOf(layout.shape);
    call.launch({
      key: `${sum}|${epilogue.key}|${index.key}`,
      read: { a: a.value, b: b.value, ...epilogue.read },
      write: { out: parts.out },
      uniforms: {
        m,
        n,
        k,
        total,
        length: parts.length,
        parts: parts.count,
        offsetA: a.value.offset,
        rowA: a.outerStride,
        innerA: a.innerStride,
        offsetB: b.value.offset,
        columnB: b.outerStride,
        innerB: b.innerStride,
        ...index.uniforms,
        ...epilogue.uniforms,
      },
      workgroupSize: WORKGROUP,
      workgroups: Math.ceil(total * parts.count / WORKGROUP),
      declarations: epilogue.declarations,
      body: () =>
        [
          "if (id >= p.total * p.parts) { return; }",
          "let part = id / p.total; let element = id % p.total;",
          "let row = (element / p.n) % p.m; let column = element % p.n;",
          ...index.lines("(element / p.n) / p.m"),
          "let first = part * p.length;",
          `var at = p.offsetA + ${index.offset(0)} + row * p.rowA + first * p.innerA;`,
          `var bt = p.offsetB + ${index.offset(1)} + column * p.columnB + first * p.innerB;`,
          "let terms = min(p.length, p.k - first);",
          `var sum = ${sum}(0);`,
          "for (var i = 0u; i < terms; i++) {",
          `  sum += ${sum}(a[at]) * ${sum}(b[bt]);`,
          "  at += p.innerA; bt += p.innerB;",
          "}",
          `out[id] = ${epilogue.value("sum", "row", "column", (q) => index.offset(q + 2))};`,
        ].join("\n"),
    });
    parts.join();
  },
};
