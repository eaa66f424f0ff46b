import { assertEquals } from "@std/assert";
import type { OpDefinition } from "../../src/ops/define.ts";
import { choleskyFactor } from "../../src/ops/factor_cholesky.ts";
import { luFactor } from "../../src/ops/factor_lu.ts";
import { triangularSolve } from "../../src/ops/factor_triangular.ts";
import { checkOp } from "../../src/testing/mod.ts";
import { onGpu } from "./devices.ts";

/** Names of cases that meet the limits: several blocks, many right-hand sides, more rows than a small workgroup has invocations. */
const SOME = /^f(32|64) of (size (65|131|150)\b|shape (65,65|90,40)$)|two rows|many right-hand sides of|many small/;

const ops: readonly OpDefinition<unknown>[] = [choleskyFactor, luFactor, triangularSolve] as never;

onGpu("factorizations keep to the least limits that WebGPU allows", async (gpu) => {
  // What kernels ask for follows from these alone, and an adapter with more runs them too.
  const limits = gpu.info.limits as { invocations: number; workgroupBytes: number };
  limits.invocations = 256;
  limits.workgroupBytes = 16_384;
  const { probes } = gpu.info as { probes: { f64: boolean } };
  for (const op of ops) {
    const cases = op.cases.filter(({ name }) => SOME.test(name));
    assertEquals(cases.length >= 3, true);
    const { length } = await checkOp(gpu.device, { ...op, name: `${op.name}Small`, cases });
    assertEquals(length, 2 * cases.filter(({ name }) => probes.f64 || !name.includes("f64")).length);
  }
});

onGpu("a stack of more matrices than one dispatch has is factored in several", async (gpu) => {
  const limits = gpu.info.limits as { workgroups: number };
  limits.workgroups = 3;
  for (const op of ops) {
    const cases = op.cases.filter(({ name }) => /stack of f32|two rows|many right-hand sides of f32/.test(name));
    assertEquals(cases.length >= 1, true);
    await checkOp(gpu.device, { ...op, name: `${op.name}Split`, cases });
  }
});
