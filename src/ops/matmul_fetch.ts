import type { Scalar } from "../formula/mod.ts";
import { storedType } from "./kernel.ts";
import type { Factor } from "./matmul_factor.ts";

/** A WGSL function that loads four neighbours of a factor, whatever its layout. */
export interface Fetch {
  /** The axis along which the four lie: the one that is closer together in memory. */
  readonly along: "outer" | "inner";
  /** True if the four are one aligned vector in memory. */
  readonly whole: boolean;
  /** Element type of the binding, if it is not the scalar. */
  readonly elements: Record<string, string>;
  /** Identifies the text. */
  readonly key: string;
  /** Sizes and strides. */
  readonly uniforms: Record<string, number>;
  /**
   * `fn fetch_a(base: u32, outer: u32, inner: u32, stop: u32) -> vec4<sum>`: the four from `(outer, inner)` on, of the
   * matrix that starts at `base`; zeros beyond the outer size and from the inner index `stop` on.
   */
  readonly declaration: string;
}

/** The loads of a factor, as one vector of four where its layout allows it. */
export function fetchFour(factor: Factor, k: number, sum: Scalar): Fetch {
  const { name, value, outer, outerStride, innerStride, batchStrides } = factor;
  const nearInner = innerStride === 1 || (outerStride !== 1 && Math.abs(innerStride) <= Math.abs(outerStride));
  const along = nearInner ? "inner" : "outer";
  const [near, far, extent, count] = nearInner
    ? [innerStride, outerStride, k, outer]
    : [outerStride, innerStride, outer, k];
  // Of one row, the distance to the next does not matter.
  const apart = count > 1 ? [far, ...batchStrides] : batchStrides;
  const whole = near === 1 && [value.offset, extent, ...apart].every((x) => x % 4 === 0);
  const stored = storedType(value.dtype);
  const at = (o: string, i: string) => `base + (${o}) * p.${name}_outer + (${i}) * p.${name}_inner`;
  // Selected, not branched around: a load beyond the end is safe in WGSL, and compilers take minutes for hundreds of branches.
  const body = whole
    ? `select(vec4<${sum}>(), vec4<${sum}>(${name}[(${
      at("outer", "inner")
    }) >> 2u]), (outer < p.${name}_size) & (inner < stop))`
    : `vec4<${sum}>(${
      [0, 1, 2, 3].map((q) => {
        const [o, i] = along === "outer" ? [`outer + ${q}u`, "inner"] : ["outer", `inner + ${q}u`];
        return `select(${sum}(0), ${sum}(${name}[${at(o, i)}]), (${o} < p.${name}_size) & (${i} < stop))`;
      }).join(", ")
    })`;
  return {
    along,
    whole,
    elements: whole ? { [name]: `vec4<${stored}>` } : {},
    key: `${along}${whole ? 4 : 1}`,
    uniforms: { [`${name}_size`]: outer, [`${name}_outer`]: outerStride, [`${name}_inner`]: innerStride },
    declaration: [
      `fn fetch_${name}(base: u32, outer: u32, inner: u32, stop: u32) -> vec4<${sum}> {`,
      `  return ${body};`,
      "}",
    ].join("\n"),
  };
}
