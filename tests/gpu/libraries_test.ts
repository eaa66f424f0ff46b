import { assert, assertEquals, assertMatch } from "@std/assert";
import { linalg } from "../../mod.ts";
import { hasLibraries, openWith } from "./libraries.ts";

const root = new URL("../../", import.meta.url);

/** A product and a factorization that must work with any library and with none. */
async function computes(gpu: Awaited<ReturnType<typeof openWith>>): Promise<void> {
  const a = gpu.random.normal([40, 40], { seed: 1 }),
    { backwardError } = await linalg.certificate(a, await linalg.svd(a));
  assert(backwardError < 1e-5);
  assertEquals(await a.matmul(gpu.eye(40)).data(), await a.data());
}

Deno.test("a library that cannot be used is named with the reason, and everything works without it", async () => {
  const noLibrary = await Deno.makeTempFile({ suffix: ".so" });
  await Deno.writeTextFile(noLibrary, "This is no library.\n");
  const reasons: [string, RegExp][] = [
    ["off", /^none: DENOVO_BLAS=off$/],
    ["/nonexistent/libblas.so", /^none: DENOVO_BLAS=\/nonexistent\/libblas\.so: .+/],
    [noLibrary, /^none: DENOVO_BLAS=.+\.so: .+/],
  ];
  // A library of other things, where every system has one of this name.
  if (Deno.build.os === "linux") reasons.push(["libm.so.6", /^none: libm\.so\.6: it has no (sgemm_|factorizations)$/]);
  for (const [wish, reason] of reasons) {
    await using gpu = await openWith(wish);
    assertMatch(gpu.info.libraries.blas, reason);
    assertMatch(gpu.info.libraries.lapack, reason);
    await computes(gpu);
    const profile = await gpu.profile(() => gpu.ones([50, 50]).matmul(gpu.ones([50, 50])).data());
    assert(profile.entries.every((entry) => entry.kernel !== "matmul/blas"));
  }
  await Deno.remove(noLibrary);
});

Deno.test({
  name: "the system's library multiplies and factors by default, with this device's number of threads",
  ignore: !hasLibraries,
  fn: async () => {
    for (const threads of [1, 3]) {
      await using gpu = await openWith(Deno.env.get("DENOVO_BLAS"), { threads });
      assert(!gpu.info.libraries.blas.startsWith("none") && !gpu.info.libraries.lapack.startsWith("none"));
      await computes(gpu);
      const profile = await gpu.profile(async () => {
        const a = gpu.ones([50, 60]).add(0);
        await a.matmul(a.T).relu().data();
        await linalg.svd(a);
      });
      const kernels = profile.entries.map((entry) => entry.kernel);
      assert(kernels.includes("matmul/blas") && kernels.includes("svd/lapack"), kernels.join());
    }
  },
});

Deno.test({
  name: "a library that is asked for by its path is used",
  ignore: !hasLibraries,
  fn: async () => {
    await using first = await openWith(Deno.env.get("DENOVO_BLAS"));
    const path = first.info.libraries.lapack.split(" ")[0];
    await using gpu = await openWith(path);
    assertEquals(gpu.info.libraries.lapack, first.info.libraries.lapack);
    await computes(gpu);
  },
});

Deno.test({
  name: "large systems are solved on a thread with a small stack",
  ignore: !hasLibraries,
  fn: async () => {
    const worker = new Worker(new URL("solve_worker.ts", import.meta.url), { type: "module" });
    try {
      const error = await new Promise<number>((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => reject(new Error(event.message));
      });
      assert(error < 1e-6, `the backward error is ${error}`);
    } finally {
      worker.terminate();
    }
  },
});

Deno.test("without --allow-ffi nobody is asked: there is no library, and everything works", async () => {
  const script = `
    import { linalg, open } from ${JSON.stringify(new URL("mod.ts", root).href)};
    const gpu = await open({ backend: "cpu" });
    const a = gpu.tensor([[2, 1], [1, 3]]);
    const x = await linalg.solve(a, gpu.tensor([3, 4]));
    const values = (await linalg.eigh(a)).values;
    console.log(JSON.stringify([gpu.info.libraries, await a.matmul(x).array(), (await values.array()).map((x) => x.toFixed(4))]));`;
  const { code, stdout, stderr } = await run(script, ["--allow-env", "--allow-read", "--allow-sys"]);
  const said = new TextDecoder().decode(stderr);
  assertEquals(code, 0, said);
  const [libraries, product, values] = JSON.parse(new TextDecoder().decode(stdout));
  const none = "none: Deno runs without --allow-ffi";
  assertEquals(libraries, Deno.env.get("DENOVO_BLAS") ? libraries : { blas: none, lapack: none });
  assertEquals([product, values], [[3, 4], ["1.3820", "3.6180"]]);
  assert(!said.includes("Allow?"), said);
});

async function run(script: string, permissions: string[]): Promise<Deno.CommandOutput> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", ...permissions, "--no-check", "--config", new URL("deno.json", root).pathname, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  return await child.output();
}
