import { defineOp, type OpDefinition } from "../../src/ops/define.ts";
import { run } from "../../src/ops/run.ts";
import type { Value } from "../../src/ops/value.ts";
import { Tensor } from "../../src/tensor/mod.ts";

/** What the kernel of a user's op may look like. */
export interface Body {
  /** Body of the entry point, which reads `x` and writes `y`. */
  readonly text: string;
  /** The kernel's key; equal keys promise equal texts. */
  readonly key?: string;
}

/** An op `y = x` as a user may write it, whose kernel has this body. */
export function opWithBody(name: string, { text, key = "" }: Body): OpDefinition<object> {
  return defineOp<object>({
    name,
    contract: ({ x }) => ({ y: x! }),
    reference: ({ x }, _, { y }) => y.data.set(typeof x === "number" ? [x] : x.data),
    kernels: [{
      name: "only",
      record: ({ inputs, outputs, launch }) =>
        launch({
          key,
          read: { x: inputs.x as Value },
          write: { y: outputs.y },
          workgroupSize: 64,
          workgroups: 1,
          body: () => text,
        }),
    }],
    cost: () => ({ flops: 0, bytes: 0 }),
    error: (_, __, { y }) => ({ y: new Float64Array(y.data.length) }),
    cases: [{ name: "three", inputs: { x: { shape: [3] } }, params: {} }],
  });
}

/** Runs such an op on a tensor. */
export function runBody(x: Tensor, name: string, body: Body): Tensor {
  return Tensor.from(run(x.device, opWithBody(name, body), { x: x.value }, {}).y);
}

/** A body that does not compile. */
export const BROKEN: Body = { text: "if (id < 3u) {\n  y[id] = x[id] + nonsense;\n}" };

/** A body that copies. */
export const COPY: Body = { text: "if (id < 3u) {\n  y[id] = x[id];\n}", key: "copy" };
