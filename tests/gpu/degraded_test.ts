import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

/** A program that computes a product, a maximum over pairs and a long sum, then says on which device and why. */
const PROGRAM = (open: string, before = "") =>
  `${before}
const { open } = await import(${JSON.stringify(new URL("../../mod.ts", import.meta.url).href)});
await using gpu = await open(${open});
const x = gpu.tensor([[1, 2], [3, 4]]);
const found = {
  product: await x.matmul(x).add(1).array(),
  far: await gpu.pairwise("max", "sqdist(x[i], x[j])", { x }).array(),
  total: await gpu.random.uniform([2 ** 20], { seed: 1 }).mul(0).exp().sum().item(),
};
const { backend, name, reason } = gpu.info;
console.log(JSON.stringify({ backend, name, reason, ...found }));
`;

interface Found {
  backend: string;
  name: string;
  reason: string;
  product: number[][];
  far: number[];
  total: number;
}

/** Runs the program in a process of its own, which may not ask for anything; its answer, and what it wrote to stderr. */
async function child(
  flags: readonly string[],
  text: string,
  env: Record<string, string> = {},
): Promise<{ found: Found; errors: string }> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, text);
    const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
    const args = ["run", "--no-prompt", "--no-check", "--config", config, ...flags, file];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env }).output();
    const errors = new TextDecoder().decode(stderr);
    assertEquals(code, 0, errors);
    return { found: JSON.parse(new TextDecoder().decode(stdout)), errors };
  } finally {
    await Deno.remove(file);
  }
}

function assertRight({ product, far, total }: Found): void {
  assertEquals(product, [[8, 11], [16, 23]]);
  assertEquals(far, [8, 8]);
  assertEquals(total, 2 ** 20);
}

Deno.test("without a Vulkan driver the CPU device computes and says why", async () => {
  const none = { VK_DRIVER_FILES: "/nonexistent", VK_ICD_FILENAMES: "/nonexistent", DENO_WEBGPU_BACKEND: "vulkan" };
  const { found } = await child(["-A"], PROGRAM("{}"), none);
  assertRight(found);
  if (Deno.build.os !== "linux") return;
  assertEquals(found.backend, "cpu");
  assertStringIncludes(found.reason, "no WebGPU adapter was found");
});

/** Says so when a thread is started, and starts it. */
const WATCH = `const threads = process.getBuiltinModule("node:worker_threads"), { Worker } = threads;
threads.Worker = class extends Worker {
  constructor(...given) {
    console.error("started a thread");
    super(...given);
  }
};`;

Deno.test("with one thread the CPU device computes, and starts no other", async () => {
  for (const threads of [1, 2]) {
    const { found, errors } = await child(["-A"], PROGRAM(`{ backend: "cpu", threads: ${threads} }`, WATCH));
    assertRight(found);
    assertEquals(errors.includes("started a thread"), threads > 1, errors);
  }
});

/** Programs that take shared memory away before anything else. */
const UNSHARED = {
  "without SharedArrayBuffer, as on a page that is not isolated,": "delete globalThis.SharedArrayBuffer;",
  "where shared memory is refused": `const { Memory } = WebAssembly;
WebAssembly.Memory = class extends Memory {
  constructor(options) {
    if (options.shared) throw new RangeError("shared memory is refused");
    super(options);
  }
};`,
};

for (const [where, before] of Object.entries(UNSHARED)) {
  Deno.test(`${where} the CPU device computes on one thread and says so`, async () => {
    const { found, errors } = await child(["-A"], PROGRAM('{ backend: "cpu", threads: 2 }', before + WATCH));
    assertRight(found);
    assert(!errors.includes("started a thread"), errors);
    assertStringIncludes(found.name, "1 thread");
    assertStringIncludes(found.reason, "no threads");
  });
}

Deno.test("without any permission nothing is asked for, and whatever is there computes", async () => {
  for (const open of ["{}", '{ backend: "cpu" }']) {
    const { found, errors } = await child([], PROGRAM(open));
    assertRight(found);
    assertEquals(/permission|allow-/i.test(errors), false, errors);
  }
});
