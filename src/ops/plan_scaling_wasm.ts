import { byteSize, type HostArgument } from "../device/mod.ts";
import { i32, type Value } from "../formula/wasm/mod.ts";
import { itemsKernel } from "./csr_wasm.ts";
import type { HostCall, NativeVariant } from "./define.ts";
import { addressOf } from "./host_kernel.ts";
import { planLayout, type PlanScalingParams } from "./plan_scaling_layout.ts";
import { PlanSteps } from "./plan_scaling_wasm_steps.ts";
import { smaller } from "./reduce_wasm_rows.ts";
import { typesOf } from "./types_of.ts";
import type { Value as ArrayValue } from "./value.ts";
import type { Arguments } from "./wasm_formula.ts";

type Call = HostCall<PlanScalingParams>;
type Word = Value<"i32">;

/** Rooms of jobs that are solved side by side, at most. */
const MOST_ROOMS = 64;
/** Entries of a plan from which all threads work on it, if there are not jobs enough for them. */
const SHARED = 1 << 17;
/** Blocks of rows for each thread: threads that are interrupted leave some to others. */
const BLOCKS_EACH = 2;

/** Whether each job is to have a thread of its own. */
function isEachAlone(call: Call): boolean {
  const { jobs, n, m } = planLayout(typesOf(call.inputs));
  return n * m < SHARED || jobs >= 4 * call.info.threads;
}

/** `planScaling` in WebAssembly: a job per thread, whose plan stays in its cache; or the threads share the rows of one job after the other. */
export const planScalingNatives: readonly NativeVariant<PlanScalingParams>[] = [{
  name: "jobs",
  rank: (call) => isEachAlone(call) ? 1 : -1,
  record: (call) => {
    const { jobs } = planLayout(typesOf(call.inputs)), each = Math.ceil(jobs / MOST_ROOMS);
    const rooms = Math.ceil(jobs / each), room = roomOf(call, 1, rooms);
    call.launch({
      key: room.key,
      args: { ...room.args, jobs: { i32: jobs }, each: { i32: each } },
      code: (target) =>
        itemsKernel(target, (fn, args, item) => {
          const first = fn.let(i32.mul(item, args.i32("each")));
          const end = fn.let(smaller(fn, i32.add(first, args.i32("each")), args.i32("jobs")));
          const place = fn.let(i32.add(args.i32("room"), i32.mul(item, args.i32("roomBytes"))));
          fn.for(first, end, 1, (job) => {
            const steps = new PlanSteps(fn, args, room.scalar, job, place), all = i32.const(0);
            steps.prepare();
            steps.build(all);
            fn.for(i32.const(0), steps.count, 1, (step) => steps.step(all, step));
            steps.finish();
            steps.measure(all);
          });
        }),
      count: rooms,
      grain: 1,
    });
  },
}, {
  name: "rows",
  rank: (call) => isEachAlone(call) ? -1 : 1,
  record: (call) => {
    const { jobs } = planLayout(typesOf(call.inputs)), blocks = BLOCKS_EACH * Math.max(1, call.info.threads);
    const room = roomOf(call, blocks, 1);
    const launch = (
      job: number,
      key: string,
      count: number,
      write: (steps: PlanSteps, block: Word, args: Arguments) => void,
      step = 0,
    ) =>
      call.launch({
        key: `${room.key} ${key}`,
        args: { ...room.args, job: { i32: job }, step: { i32: step } },
        code: (target) =>
          itemsKernel(target, (fn, args, item) => {
            write(new PlanSteps(fn, args, room.scalar, args.i32("job"), args.i32("room")), item, args);
          }),
        count,
        grain: 1,
      });
    for (let job = 0; job < jobs; job++) {
      launch(job, "prepare", 1, (steps) => steps.prepare());
      launch(job, "build", room.blocks, (steps, block) => steps.build(block));
      for (let step = 0; step < call.params.most; step++) {
        launch(job, "step", room.blocks, (steps, block, args) => steps.step(block, args.i32("step")), step);
      }
      launch(job, "finish", 1, (steps) => steps.finish());
      launch(job, "measure", room.blocks, (steps, block) => steps.measure(block));
    }
  },
}];

/** Scratch memory for so many jobs at once, whose rows are in blocks, and where everything is. */
function roomOf(call: Call, wanted: number, rooms: number): {
  key: string;
  scalar: "f32" | "f64";
  blocks: number;
  args: Record<string, HostArgument>;
} {
  const { problems, n, m, dtype } = planLayout(typesOf(call.inputs)), size = byteSize(dtype), lanes = 16 / size;
  const up = (count: number, by: number) => Math.ceil(count / by) * by;
  const line = up(m, 2 * lanes) * size, height = up(n, lanes) * size, planBytes = up(n, lanes) * line;
  const blockRows = up(Math.ceil(n / wanted), lanes), blocks = Math.ceil(n / blockRows);
  const roomBytes = planBytes + 4 * height + (3 + 3 * blocks) * line + 48 * blocks;
  const scratch = call.temporary({ shape: [rooms * roomBytes / 4], dtype: "u32" });
  const words = {
    line,
    height,
    planBytes,
    blockRows,
    blocks,
    roomBytes,
    problems,
    n,
    m,
    costLine: m * size,
    most: call.params.most,
  };
  const inputs = ["c", "rows", "columns", "settings"] as const;
  return {
    key: dtype,
    scalar: dtype,
    blocks,
    args: {
      ...Object.fromEntries(inputs.map((name) => [name, addressOf(call.dense(call.inputs[name] as ArrayValue))])),
      outRows: addressOf(call.outputs.rows),
      outColumns: addressOf(call.outputs.columns),
      report: addressOf(call.outputs.report),
      room: addressOf(scratch),
      ...Object.fromEntries(Object.entries(words).map(([name, value]) => [name, { i32: value }])),
    },
  };
}
