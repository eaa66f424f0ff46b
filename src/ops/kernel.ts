import { type DType, IMAGE_WIDTH, type Launch, type Limits } from "../device/mod.ts";
import type { Value } from "./value.ts";

/** A field of the uniform block: a word of 4 bytes, unsigned unless said otherwise, or a double. */
export type Uniform =
  | number
  | { readonly f32: number }
  | { readonly f64: number }
  | { readonly i32: number };

/** A kernel as its author writes it: the bindings, the uniform block and the entry point are generated around it. */
export interface KernelText {
  /** Whatever changes the text: equal keys (of one variant) mean equal texts. */
  readonly key: string;
  /** Input arrays by the name they have in the text. */
  readonly read: Readonly<Record<string, Value>>;
  /** Output arrays by the name they have in the text. */
  readonly write: Readonly<Record<string, Value>>;
  /** Fields of the uniform `p` (`p.n`), so that sizes do not need a new pipeline. */
  readonly uniforms?: Readonly<Record<string, Uniform>>;
  /** Element type of a binding where it is not the scalar of its dtype, like `vec4<f32>` or `atomic<u32>`. */
  readonly elements?: Readonly<Record<string, string>>;
  /** Invocations in a workgroup. */
  readonly workgroupSize: number | readonly [number, number, number];
  /** Workgroups: one number is spread over two dimensions if it is over the limit. */
  readonly workgroups: number | readonly [number, number, number];
  /** Functions and workgroup variables before the entry point. */
  readonly declarations?: () => string;
  /**
   * Body of the entry point. It sees `p` (uniforms), `group` (flat workgroup number), `lane` (invocation number in the
   * workgroup), `id` (flat invocation number), and `workgroup` and `local` (as vectors).
   */
  readonly body: () => string;
  /** Uses subgroup operations: `subgroup_lane` is declared. */
  readonly subgroups?: boolean;
  /** Uses cooperative matrices. */
  readonly cooperative?: boolean;
}

/** WGSL scalar type in which a dtype is stored. */
export function storedType(dtype: DType): string {
  return dtype === "bool" ? "u32" : dtype;
}

/**
 * WGSL of the column and row of texel number `at` of an image. With masks and shifts: for `%` and `/` some compilers keep a test for
 * division by zero, which costs more than the load.
 */
export function texelPlace(at: string): { x: string; y: string } {
  return { x: `(${at} & ${IMAGE_WIDTH - 1}u)`, y: `(${at} >> ${Math.log2(IMAGE_WIDTH)}u)` };
}

/** Completes a kernel's text to a launch. */
export function toLaunch(label: string, text: KernelText, limits: Limits): Launch {
  const size = typeof text.workgroupSize === "number" ? [text.workgroupSize, 1, 1] as const : text.workgroupSize;
  const values = [...Object.values(text.read), ...Object.values(text.write)];
  const dtypes = values.map((v) => v.dtype).join();
  return {
    label,
    key: `${label}|${text.key}|${dtypes}|${size.join()}`,
    code: () => wgsl(text, size),
    read: Object.values(text.read).map((v) => v.storage),
    write: Object.values(text.write).map((v) => v.storage),
    uniforms: words(text.uniforms ?? {}),
    workgroups: typeof text.workgroups === "number" ? spread(text.workgroups, limits.workgroups) : text.workgroups,
  };
}

/** A count of workgroups as two dimensions under the limit. */
function spread(count: number, limit: number): [number, number, number] {
  if (count <= limit) return [count, 1, 1];
  const rows = Math.ceil(count / limit);
  return [Math.ceil(count / rows), rows, 1];
}

function words(uniforms: Readonly<Record<string, Uniform>>): Uint32Array<ArrayBuffer> {
  const fields = Object.values(uniforms);
  const doubles = fields.some((field) => typeof field === "object" && "f64" in field);
  const view = new DataView(new ArrayBuffer(fields.length * (doubles ? 16 : 4)));
  let at = 0;
  for (const field of fields) {
    if (typeof field === "object" && "f64" in field) {
      // Doubles lie at multiples of their size, and so does the end of a block that has one.
      at = Math.ceil(at / 8) * 8;
      view.setFloat64(at, field.f64, true);
      at += 8;
      continue;
    }
    if (typeof field === "number") view.setUint32(at, field, true);
    else if ("f32" in field) view.setFloat32(at, field.f32, true);
    else view.setInt32(at, field.i32, true);
    at += 4;
  }
  return new Uint32Array(view.buffer.slice(0, doubles ? Math.ceil(at / 8) * 8 : at));
}

/** WGSL type of a field of the uniform block. */
function fieldType(field: Uniform): string {
  return typeof field === "number" ? "u32" : Object.keys(field)[0];
}

function wgsl(text: KernelText, size: readonly [number, number, number]): string {
  const lines: string[] = [];
  const all = { ...text.read, ...text.write };
  if (Object.values(all).some((v) => v.dtype === "f16")) lines.push("enable f16;");
  if (text.cooperative) lines.push("enable wgpu_cooperative_matrix;");
  let binding = 0;
  const declare = (name: string, value: Value, output: boolean) => {
    const place = `@group(0) @binding(${binding++})`;
    if (value.storage.kind === "image") {
      lines.push(`${place} var ${name}: texture_storage_2d<rgba32float, ${output ? "write" : "read"}>;`);
    } else {
      const element = text.elements?.[name] ?? storedType(value.dtype);
      lines.push(`${place} var<storage, ${output ? "read_write" : "read"}> ${name}: array<${element}>;`);
    }
  };
  for (const [name, value] of Object.entries(text.read)) declare(name, value, false);
  for (const [name, value] of Object.entries(text.write)) declare(name, value, true);
  const uniforms = Object.entries(text.uniforms ?? {});
  if (uniforms.length) {
    const fields = uniforms.map(([name, u]) => `  ${name}: ${fieldType(u)},`);
    lines.push("struct Uniforms {", ...fields, "}", `@group(0) @binding(${binding}) var<uniform> p: Uniforms;`);
  }
  if (text.declarations) lines.push(text.declarations());
  lines.push(
    `@compute @workgroup_size(${size.join(", ")})`,
    "fn main(",
    "  @builtin(workgroup_id) workgroup: vec3<u32>,",
    "  @builtin(local_invocation_id) local: vec3<u32>,",
    "  @builtin(local_invocation_index) lane: u32,",
    "  @builtin(num_workgroups) workgroup_count: vec3<u32>,",
    ...(text.subgroups ? ["  @builtin(subgroup_invocation_id) subgroup_lane: u32,"] : []),
    ") {",
    "  let group = workgroup.x + workgroup.y * workgroup_count.x;",
    `  let id = group * ${size[0] * size[1] * size[2]}u + lane;`,
    text.body().replace(/^(?=.)/gm, "  "),
    "}",
  );
  return lines.join("\n") + "\n";
}
