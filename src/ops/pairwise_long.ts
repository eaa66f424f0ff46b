import { call as callOf, compile, element, type Expr, leaves, name, splitFolds, substitute } from "../formula/mod.ts";
import type { KernelCall } from "./define.ts";
import { oncePerCall } from "./once_per_call.ts";
import type { PairwiseParams } from "./pairwise.ts";
import { pairLayout } from "./pairwise_layout.ts";
import { type PairRest, pairText } from "./pairwise_text.ts";
import { typesOf } from "./types_of.ts";
import type { Value } from "./value.ts";

/** A formula of pairs whose long rows meet in one sum Σ_k t(x[i, k], y[j, k]). */
export interface LongPairs {
  /** Names of the two inputs. */
  readonly x: string;
  readonly y: string;
  /** Components of a row. */
  readonly length: number;
  /** Whether components past the end may be added as zeros. */
  readonly padded: boolean;
  /** WGSL of the term t of two numbers or vectors. */
  readonly term: (x: string, y: string) => string;
  /** The name that stands for the sum in the rest of the formula. */
  readonly sum: string;
  /** Records the sums over rows of one index, and gives the rest of the formula. */
  readonly rest: (call: KernelCall<PairwiseParams>) => PairRest;
}

const LONG = 8;
/** Operations that WGSL has for numbers and vectors alike. */
const OPERATORS: Readonly<Record<string, string>> = { add: "+", sub: "-", mul: "*" };

/** Finds the one sum over long rows of a call, if there is no other thing that takes long for each pair. */
export const longPairs: (call: KernelCall<PairwiseParams>) => LongPairs | undefined = oncePerCall((call) => {
  if (call.params.reduction === "softmax") return undefined;
  const layout = pairLayout(typesOf(call.inputs), call.params), { signature } = layout;
  if (layout.scalar !== "f32" || layout.outLength !== undefined || layout.width < LONG) return undefined;
  let prefix = "fold";
  while (Object.keys(call.inputs).some((id) => id.startsWith(prefix))) prefix += "_";
  const { exprs: [expr], folds } = splitFolds([layout.expr], signature, LONG, (k) => `${prefix}${k}`, true);
  const joint = folds.filter((f) => f.outer && f.inner), single = folds.filter((f) => !(f.outer && f.inner));
  if (joint.length !== 1 || folds.some((f) => f.by !== "add" || f.round > 0)) return undefined;
  const [{ term, length, name: sum }] = joint, found = leaves(term);
  const [x, y] = ["i", "j"].map((index) => found.elements.filter((e) => e.index === index));
  if (found.names.length > 0 || x.length !== 1 || y.length !== 1) return undefined;
  if ([...x, ...y].some((e) => e.component !== undefined || signature[e.name].kind !== "row")) return undefined;
  const text = vectorText(term);
  if (!text) return undefined;
  const plain = substitute(term, (leaf) => leaf.kind === "element" ? name(leaf.index) : undefined);
  return {
    x: x[0].name,
    y: y[0].name,
    length,
    padded: compile(plain, ["i", "j"])(0, 0) === 0,
    term: text,
    sum,
    rest: (call) => {
      const rows: Record<string, Value> = {};
      for (const fold of single) rows[fold.name] = rowSums(call, fold.term, fold.outer ? "i" : "j");
      const indexOf = (id: string) => single.find((f) => f.name === id);
      return {
        expr: substitute(expr, (leaf) => {
          const fold = leaf.kind === "name" ? indexOf(leaf.name) : undefined;
          return fold && element(fold.name, fold.outer ? "i" : "j");
        }),
        given: [sum],
        rows,
      };
    },
  };
});

/** The text of a term of sums, differences, products and magnitudes; nothing if it has other operations or scalar rows. */
function vectorText(expr: Expr): ((x: string, y: string) => string) | undefined {
  switch (expr.kind) {
    case "number":
      return () => `f32(${expr.value})`;
    case "element":
      return (x, y) => expr.index === "i" ? x : y;
    case "name":
      return undefined;
    case "call": {
      const parts = expr.args.map(vectorText), [a, b] = parts;
      if (!parts.every((part) => part !== undefined)) return undefined;
      if (Object.hasOwn(OPERATORS, expr.fn)) return (x, y) => `(${a!(x, y)} ${OPERATORS[expr.fn]} ${b!(x, y)})`;
      if (expr.fn === "neg") return (x, y) => `(-${a!(x, y)})`;
      return expr.fn === "abs" ? (x, y) => `abs(${a!(x, y)})` : undefined;
    }
  }
}

/** The sum of a term for each row of one index. */
function rowSums(call: KernelCall<PairwiseParams>, term: Expr, index: "i" | "j"): Value {
  const expr = callOf("sum", term), text = pairText(call, { expr, given: [], rows: {} });
  const n = text.layout[index === "i" ? "n" : "m"], sums = call.temporary({ shape: [n], dtype: "f32" });
  call.launch({
    key: `rows|${index}|${text.key}`,
    read: text.read,
    write: { sums },
    uniforms: { n, ...text.uniforms },
    workgroupSize: 64,
    workgroups: Math.ceil(n / 64),
    declarations: () => {
      const helpers = new Map<string, string>(), pair = text.declare("pair", expr, false, helpers);
      return [...helpers.values(), pair].join("\n");
    },
    body: () =>
      [
        "if (id >= p.n) { return; }",
        ...text.outer.map((leaf, k) => `let r${k} = ${text.load(leaf, "id")};`),
        `sums[id] = pair(${["id", "id", ...text.outer.map((_, k) => `r${k}`)].join(", ")});`,
      ].join("\n"),
  });
  return sums;
}
