import { collapse } from "./value.ts";

/** WGSL that turns a flat index over some axes into the memory offsets of several operands. */
export interface Indexing {
  /** Sizes and strides, as fields of the uniform block. */
  readonly uniforms: Record<string, number>;
  /** Identifies the generated lines. */
  readonly key: string;
  /** Strides of each operand over the collapsed axes; empty for one that does not move along them. */
  readonly strides: readonly (readonly number[])[];
  /** Text of the offset of operand `k`: a variable that `lines` declares, or `0u`. */
  readonly offset: (k: number) => string;
  /** Statements that compute the offsets from the flat index `index` (the text of an expression). */
  readonly lines: (index: string) => string[];
}

/** Indexing of operands with these strides over axes of this shape; all generated names start with `prefix`. */
export function indexing(
  prefix: string,
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  fixed: readonly (readonly number[])[] = [],
): Indexing {
  const joint = collapse(shape, [...strides, ...fixed]);
  const rank = joint.shape.length;
  // An operand that stays where it is needs no index, and operands that move together share one.
  const own = joint.strides.slice(0, strides.length).map((s) => s.every((x) => x === 0) ? [] : s);
  const layouts = [...new Set(own.filter((s) => s.length).map((s) => s.join()))];
  const uniforms: Record<string, number> = {};
  joint.shape.forEach((size, k) => uniforms[`${prefix}d${k}`] = size);
  layouts.forEach((layout, q) => layout.split(",").forEach((s, k) => uniforms[`${prefix}s${q}_${k}`] = Number(s)));
  const variable = (k: number) => own[k].length ? `${prefix}${layouts.indexOf(own[k].join())}` : "0u";
  return {
    uniforms,
    key: `${rank}:${own.map((_, k) => variable(k)).join()}`,
    strides: own,
    offset: variable,
    lines: (index) => {
      if (layouts.length === 0) return [];
      if (rank === 1) return layouts.map((_, q) => `let ${prefix}${q} = (${index}) * p.${prefix}s${q}_0;`);
      const lines = layouts.map((_, q) => `var ${prefix}${q} = 0u;`);
      lines.push("{", `var rest = ${index};`);
      for (let k = rank - 1; k >= 0; k--) {
        lines.push(k > 0 ? `let c${k} = rest % p.${prefix}d${k};` : `let c${k} = rest;`);
        layouts.forEach((_, q) => lines.push(`${prefix}${q} += c${k} * p.${prefix}s${q}_${k};`));
        if (k > 0) lines.push(`rest /= p.${prefix}d${k};`);
      }
      lines.push("}");
      return lines;
    },
  };
}
