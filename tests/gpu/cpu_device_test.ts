import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { DeviceLostError, openDevice } from "../../src/device/mod.ts";
import { map } from "../../src/ops/map.ts";
import { reduce } from "../../src/ops/reduce.ts";
import type { Reduction } from "../../src/ops/reducers.ts";
import { run } from "../../src/ops/run.ts";
import { Tensor } from "../../src/tensor/mod.ts";
import { open } from "../../src/tensor/mod.ts";
import { generator } from "../../src/testing/case_inputs.ts";

function numbers(n: number): Float32Array<ArrayBuffer> {
  const random = generator(3);
  return Float32Array.from({ length: n }, () => 20 * random() - 10);
}

Deno.test("results are the same bits on any number of threads", async () => {
  const results: string[] = [];
  for (const threads of [1, 2, 5]) {
    using gpu = await open({ backend: "cpu", threads, tune: "off" });
    assertMatch(gpu.info.name, new RegExp(`^CPU \\(WebAssembly SIMD, ${threads} threads?\\)$`));
    const x = gpu.tensor(numbers(500 * 1201)).reshape([500, 1201]);
    const found: number[] = [];
    for (const reduction of ["sum", "mean", "logsumexp", "argmax", "prod"] as Reduction[]) {
      for (const axis of [null, 0, 1]) {
        const formula = reduction === "prod" ? "1 + x / 1e4" : "x";
        found.push(...await gpu.reduce(reduction, formula, { x }, axis).data());
      }
    }
    const mapped = await gpu.map("exp(x) * tanh(x + 1)", { x }).data();
    results.push([...found, ...mapped].join());
  }
  assert(results.every((text) => text === results[0]));
});

Deno.test("WebAssembly kernels run by default and show in the profile, the reference when asked for", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const x = gpu.tensor(numbers(1000));
  const profile = await gpu.profile(() => {
    run(gpu.device, map, { x: x.value }, { out: { formula: "2 * x" } });
    run(gpu.device, reduce, { x: x.value }, { reduction: "sum", formula: "x" });
    run(gpu.device, map, { x: x.value }, { out: { formula: "2 * x" } }, { variant: "reference" });
  });
  assertEquals(profile.entries.map((e) => `${e.kernel} ${e.count}`).sort(), [
    "map/reference 1",
    "map/wasm 1",
    "reduce/wasm 1",
  ]);
  const error = assertThrows(
    () => run(gpu.device, map, { x: x.value }, { out: { formula: "x" } }, { variant: "vec4" }),
    TypeError,
  );
  assertEquals(error.message, 'Op "map" has no kernel "vec4"');
});

Deno.test("a sum of ten million equal numbers in f32 is right to the last digits", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const x = gpu.tensor(new Float32Array(10_000_000).fill(0.1));
  const exact = 10_000_000 * Math.fround(0.1);
  const found = await x.sum().item();
  assert(Math.abs(found - exact) <= 16 * 2 ** -24 * exact, `${found} instead of ${exact}`);
});

Deno.test("two CPU devices work side by side, and closing one leaves the other's memory alone", async () => {
  const one = await open({ backend: "cpu" }), two = await open({ backend: "cpu", threads: 2 });
  const a = one.tensor(numbers(300_000)), b = two.tensor(numbers(300_000));
  const before = await b.add(1).data();
  one.close();
  await assertRejects(() => a.data(), DeviceLostError);
  const c = two.tensor(new Float32Array(300_000).fill(7));
  assertEquals(await b.add(1).data(), before);
  assertEquals(await c.max().item(), 7);
  two.close();
});

Deno.test("a closed CPU device gives its memory back", async () => {
  const addresses = new Set<number>();
  for (let k = 0; k < 5; k++) {
    const device = await openDevice({ backend: "cpu" }), storage = device.allocate(1 << 20, "left open");
    addresses.add(storage.block.address);
    device.close();
    storage.release();
  }
  assertEquals(addresses.size, 1);
});

Deno.test("strided results are read back from the block they are in", async () => {
  await using gpu = await open({ backend: "cpu" });
  const x = Tensor.of(gpu.device, Float32Array.from({ length: 12 }, (_, k) => k), [3, 4], "f32");
  assertEquals(await x.T.array(), [[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]]);
});

Deno.test("a script that never closes the device ends by itself, whatever its workers are doing", async () => {
  const root = new URL("../../", import.meta.url);
  const script = (rest: string) => `
    import { open } from ${JSON.stringify(new URL("src/tensor/mod.ts", root).href)};
    const gpu = await open({ backend: "cpu", threads: 3 });
    const x = gpu.ones([2_000_000]).add(0);
    console.log(await x.sum().item());
    ${rest}`;
  for (
    const [rest, code] of [
      ["", 0],
      ["await new Promise((resolve) => setTimeout(resolve, 500));", 0],
      ["Deno.exit(3);", 3],
    ] as const
  ) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--config", new URL("deno.json", root).pathname, "-"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script(rest)));
    await writer.close();
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const { code: found, stdout, stderr } = await child.output();
    clearTimeout(timer);
    assertEquals([found, new TextDecoder().decode(stdout).trim()], [code, "2000000"], new TextDecoder().decode(stderr));
  }
});

Deno.test("every half-precision number is read exactly, and every f32 is rounded to half precision as the language does", async () => {
  await using gpu = await open({ backend: "cpu", tune: "off" });
  const bits = Uint16Array.from({ length: 65_536 }, (_, k) => k), halves = new Float16Array(bits.buffer);
  const h = gpu.tensor(halves);
  // Element by element: NaN may have any bits.
  const same = (found: ArrayLike<number>, expected: ArrayLike<number>) => {
    assertEquals(found.length, expected.length);
    for (let k = 0; k < found.length; k++) {
      assert(Object.is(found[k], expected[k]), `${found[k]} instead of ${expected[k]} at ${k}`);
    }
  };
  same(await h.astype("f32").data(), halves);
  const random = generator(11), words = new Uint32Array(200_000);
  // Any bits at all, and numbers half way between two halves with their neighbours.
  for (let k = 0; k < words.length; k++) words[k] = 2 ** 32 * random();
  const singles = new Float32Array(words.buffer);
  for (let k = 0; k < 65_536; k++) {
    const between = (halves[k] + halves[(k + 1) % 65_536]) / 2;
    if (!Number.isFinite(between)) continue;
    singles[k] = between;
    words[k] += k % 3 - 1;
  }
  const rounded = await gpu.tensor(singles).astype("f16").data();
  same(rounded, Float16Array.from(singles));
});

Deno.test("the environment's number of threads is checked, and yields to the program's", async () => {
  const before = Deno.env.get("DENOVO_THREADS");
  try {
    Deno.env.set("DENOVO_THREADS", "3");
    using three = await open({ backend: "cpu" });
    assertEquals(three.info.name, "CPU (WebAssembly SIMD, 3 threads)");
    using one = await open({ backend: "cpu", threads: 1 });
    assertEquals(one.info.name, "CPU (WebAssembly SIMD, 1 thread)");
    Deno.env.set("DENOVO_THREADS", "many");
    const error = await assertRejects(() => open({ backend: "cpu" }), RangeError);
    assertEquals(error.message, 'Expected "DENOVO_THREADS" to be a whole number of at least 1, got many');
  } finally {
    if (before === undefined) Deno.env.delete("DENOVO_THREADS");
    else Deno.env.set("DENOVO_THREADS", before);
  }
});
