import type { KernelCall } from "./define.ts";
import { indexing } from "./indexing.ts";
import { texelPlace } from "./kernel.ts";
import type { MatmulParams } from "./matmul.ts";
import type { MatmulCall } from "./matmul_call.ts";
import type { Factor } from "./matmul_factor.ts";
import { launchTiles } from "./matmul_call.ts";
import { fetchFour } from "./matmul_fetch.ts";
import { denseStrides, sizeOf, type Value } from "./value.ts";

/**
 * A factor copied into an image, strip by strip: a strip has all inner indices of `tile` outer ones, in the order of
 * use. Doubles, which no texel holds, are copied into memory as vectors of four.
 */
export interface Packed {
  /** The image or memory. */
  readonly value: Value;
  /** Strips of each matrix. */
  readonly strips: number;
  /** Texels or vectors in a strip. */
  readonly texels: number;
  /** Steps from one matrix to the next along the leading axes of the product; 0 where the factor is broadcast. */
  readonly batchStrides: readonly number[];
}

/** Leading axes along which a factor has matrices of its own; 1 where it is broadcast. */
function ownBatch({ batchStrides }: Factor, batch: readonly number[]): number[] {
  return batch.map((size, axis) => batchStrides[axis] === 0 ? 1 : size);
}

/** Whether the device has room for a packed factor. */
export function packedFits(
  { info: { limits } }: KernelCall<MatmulParams>,
  call: MatmulCall,
  factor: Factor,
  tile: number,
): boolean {
  const texels = packedTexels(call, factor, tile);
  return call.layout.sum === "f64" ? texels * 32 <= limits.bindingBytes : texels <= limits.imageTexels;
}

/** Texels, or vectors, that a packed factor takes. */
function packedTexels({ layout }: MatmulCall, factor: Factor, tile: number): number {
  return sizeOf(ownBatch(factor, layout.batch)) * Math.ceil(factor.outer / tile) * tile * Math.ceil(layout.k / 4);
}

/**
 * Packs a factor. A texel has four neighbours along `texel`; the texels of a strip lie by inner index, then by outer
 * index. Odd sizes are filled up with zeros.
 */
export function pack(
  call: KernelCall<MatmulParams>,
  product: MatmulCall,
  factor: Factor,
  tile: number,
  texel: "outer" | "inner",
): Packed {
  const { layout } = product, { name, value, outer } = factor, { sum } = layout, inMemory = sum === "f64";
  const own = ownBatch(factor, layout.batch), steps = Math.ceil(layout.k / 4);
  const index = indexing("l", own, [factor.batchStrides]);
  const fetch = fetchFour(factor, layout.k, sum);
  const strips = Math.ceil(outer / tile);
  const texels = packedTexels(product, factor, tile);
  const packed = inMemory ? call.temporary({ shape: [4 * texels], dtype: sum }) : call.image(texels);
  // Neighbouring invocations read neighbouring memory: a whole workgroup one long piece of it, where there is one.
  const count = { inner: steps, outer: strips * tile / 4 }, far = fetch.along === "inner" ? "outer" : "inner";
  const across = count[fetch.along] >= 48 ? 64 : 8, down = 64 / across;
  launchTiles(call, [Math.ceil(count[fetch.along] / across), Math.ceil(count[far] / down), sizeOf(own)], {
    key: `pack|${sum}|${across}|${tile}|${texel}|${fetch.key}|${index.key}`,
    read: { [name]: value },
    write: { packed },
    elements: { ...fetch.elements, ...(inMemory ? { packed: `vec4<${sum}>` } : {}) },
    uniforms: { k: layout.k, steps, strips, start: value.offset, ...fetch.uniforms, ...index.uniforms },
    workgroupSize: 64,
    declarations: () =>
      [
        fetch.declaration,
        `fn put(at: u32, v: vec4<${sum}>) {`,
        inMemory
          ? "  packed[at] = v;"
          : `  textureStore(packed, vec2<u32>(${texelPlace("at").x}, ${texelPlace("at").y}), v);`,
        "}",
      ].join("\n"),
    body: () =>
      [
        `let ${fetch.along} = workgroup.x * ${across}u + (lane & ${across - 1}u);`,
        `let ${far} = workgroup.y * ${down}u + (lane >> ${Math.log2(across)}u);`,
        `let strip = outer >> ${Math.log2(tile / 4)}u;`,
        "if (strip >= p.strips || inner >= p.steps) { return; }",
        "let matrix = p.first + workgroup.z;",
        ...index.lines("matrix"),
        `let base = p.start + ${index.offset(0)};`,
        ...[0, 1, 2, 3].map((q) => {
          const [o, i] = fetch.along === "inner" ? [q, 0] : [0, q];
          return `let r${q} = fetch_${name}(base, outer * 4u + ${o}u, inner * 4u + ${i}u, p.k);`;
        }),
        ...(fetch.along === texel
          ? [0, 1, 2, 3].map((q) => `let v${q} = r${q};`)
          : ["x", "y", "z", "w"].map((c, q) => `let v${q} = vec4<${sum}>(r0.${c}, r1.${c}, r2.${c}, r3.${c});`)),
        `let at = (matrix * p.strips + strip) * p.steps * ${tile}u + inner * ${tile}u + ` +
        (texel === "inner" ? `((outer * 4u) & ${tile - 1}u);` : `(outer & ${tile / 4 - 1}u);`),
        ...[0, 1, 2, 3].map((q) => `put(at + ${texel === "inner" ? q : q * tile / 4}u, v${q});`),
      ].join("\n"),
  });
  const dense = denseStrides(own);
  return {
    value: packed,
    strips,
    texels: steps * tile,
    batchStrides: own.map((size, axis) => size === 1 ? 0 : dense[axis]),
  };
}
