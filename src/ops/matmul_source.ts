import type { KernelCall } from "./define.ts";
import { storedType, texelPlace } from "./kernel.ts";
import type { MatmulParams } from "./matmul.ts";
import type { MatmulCall } from "./matmul_call.ts";
import type { Factor } from "./matmul_factor.ts";
import { fetchFour } from "./matmul_fetch.ts";
import { pack } from "./matmul_pack.ts";
import type { Value } from "./value.ts";

/**
 * Where a subgroup's kernel gets a factor from: texts over the variable `<name>_at`, the place of this lane's first
 * vector of a step.
 */
export interface Source {
  /** What is bound under the factor's name. */
  readonly value: Value;
  /** Its element type, unless it is an image. */
  readonly element?: string;
  /** Fields that the texts read. */
  readonly uniforms: Readonly<Record<string, number>>;
  /** Steps along the leading axes, in units that `start` expects. */
  readonly batchStrides: readonly number[];
  /** Expression of the place at inner index `begin`, from the offset along the leading axes. */
  readonly start: (offset: string) => string;
  /** Statements at the beginning of a step. */
  readonly prepare: string;
  /** Expression of vector `far` (a multiple of the lanes) of inner group `inner`. */
  readonly load: (far: number, inner: number) => string;
  /** How much the place grows in a step. */
  readonly advance: string;
}

/** A factor in strips of `tile` outer indices, packed; `texel` is the axis of its vectors. */
export function packedSource(
  call: KernelCall<MatmulParams>,
  product: MatmulCall,
  factor: Factor,
  tile: number,
  texel: "outer" | "inner",
): Source {
  const { value, strips, texels, batchStrides } = pack(call, product, factor, tile, texel);
  const { name } = factor, at = texelPlace(`${name}_at`), inMemory = value.storage.kind === "memory";
  const strip = name === "a" ? "workgroup.y" : "workgroup.x";
  return {
    value,
    ...(inMemory ? { element: `vec4<${value.dtype}>` } : {}),
    uniforms: { [`${name}_strips`]: strips, [`${name}_texels`]: texels },
    batchStrides,
    start: (offset) =>
      `(${offset} * p.${name}_strips + ${strip}) * p.${name}_texels + begin * ${tile / 4}u + subgroup_lane`,
    prepare: inMemory ? "" : `let ${name}_x = ${at.x}; let ${name}_y = ${at.y};`,
    load: (far, inner) => {
      const step = inner * tile / 4 + far;
      return inMemory
        ? `${name}[${name}_at + ${step}u]`
        : `textureLoad(${name}, vec2<u32>(${name}_x + ${step}u, ${name}_y))`;
    },
    advance: `${tile}u`,
  };
}

/** A factor read where it is, or nothing if its vectors along `texel` are not whole in memory. */
export function directSource({ layout }: MatmulCall, factor: Factor, texel: "outer" | "inner"): Source | undefined {
  const fetch = fetchFour(factor, layout.k, layout.sum);
  if (fetch.along !== texel || !fetch.whole) return undefined;
  const { name, value } = factor;
  const [first, far] = name === "a" ? ["row0 + subgroup_lane", "outer"] : ["column0", "inner"];
  const place = texel === "inner" ? `(${first}) * p.a_outer + begin` : `begin * p.b_inner + ${first}`;
  return {
    value,
    element: `vec4<${storedType(value.dtype)}>`,
    uniforms: { ...fetch.uniforms, [`${name}_start`]: value.offset },
    batchStrides: factor.batchStrides,
    start: (offset) => `(p.${name}_start + ${offset} + ${place}) >> 2u`,
    prepare: `let ${name}_step = p.${name}_${far} >> 2u;`,
    load: texel === "inner"
      ? (rows) => `vec4<${layout.sum}>(${name}[${name}_at + ${rows}u * ${name}_step])`
      : (vectors, inner) => `vec4<${layout.sum}>(${name}[${name}_at + ${inner}u * ${name}_step + ${vectors}u])`,
    advance: texel === "inner" ? "1u" : `p.${name}_inner`,
  };
}
