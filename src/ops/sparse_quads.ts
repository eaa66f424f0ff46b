import type { KernelCall } from "./define.ts";
import { texelPlace } from "./kernel.ts";
import type { Value } from "./value.ts";

/** Groups of four columns in a row. */
export function quadsOf(matrix: Value): number {
  return Math.ceil(matrix.shape[1] / 4);
}

/** True if the rows are whole vectors of four, one after the other in memory. */
function isAligned(matrix: Value): boolean {
  const [rows, columns] = matrix.shape;
  return columns % 4 === 0 && matrix.offset % 4 === 0 && (columns === 0 || matrix.strides[1] === 1) &&
    (rows < 2 || matrix.strides[0] === columns);
}

/** A matrix whose rows are whole vectors of four: itself, or a copy filled up with zeros. */
export function asQuads<P>(call: KernelCall<P>, matrix: Value): Value {
  if (isAligned(matrix)) return matrix;
  const copy = call.temporary({ shape: [matrix.shape[0], quadsOf(matrix) * 4], dtype: matrix.dtype });
  copyQuads(call, matrix, { copy }, { copy: `vec4<${matrix.dtype}>` }, (v) => `copy[id] = ${v};`);
  return copy;
}

/** A matrix in an image of texels of four columns, which software adapters read faster than buffers. */
export function asImage<P>(call: KernelCall<P>, matrix: Value): Value {
  const image = call.image(matrix.shape[0] * quadsOf(matrix)), { x, y } = texelPlace("id");
  copyQuads(call, matrix, { image }, {}, (v) => `textureStore(image, vec2<u32>(${x}, ${y}), vec4<f32>(${v}));`);
  return image;
}

function copyQuads<P>(
  call: KernelCall<P>,
  matrix: Value,
  write: Record<string, Value>,
  elements: Record<string, string>,
  put: (v: string) => string,
): void {
  const [rows, columns] = matrix.shape, quads = quadsOf(matrix), aligned = isAligned(matrix), { dtype } = matrix;
  if (rows * quads === 0) return;
  call.launch({
    key: `${Object.keys(write)}|${aligned}`,
    read: { matrix },
    write,
    elements: aligned ? { ...elements, matrix: `vec4<${dtype}>` } : elements,
    uniforms: {
      count: rows * quads,
      columns,
      quads,
      first: aligned ? matrix.offset / 4 : matrix.offset,
      row_step: matrix.strides[0],
      column_step: matrix.strides[1],
    },
    workgroupSize: 64,
    workgroups: Math.ceil(rows * quads / 64),
    body: () =>
      [
        "if (id >= p.count) { return; }",
        ...(aligned ? ["let v = matrix[p.first + id];"] : [
          `var v = vec4<${dtype}>();`,
          "let row = id / p.quads; let column = (id % p.quads) * 4u;",
          "let begin = p.first + row * p.row_step;",
          ...[0, 1, 2, 3].map((q) =>
            `if (column + ${q}u < p.columns) { v.${"xyzw"[q]} = matrix[begin + (column + ${q}u) * p.column_step]; }`
          ),
        ]),
        put("v"),
      ].join("\n"),
  });
}
