import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  CellTimeoutError,
  type ErrorOutput,
  execute,
  formatNotebook,
  KernelDiedError,
  KernelStartError,
  parseNotebook,
} from "../../src/notebook/mod.ts";
import { IMPORT, inTempDir, notebookOf, printed, run } from "./helpers.ts";

Deno.test("a loop without end is interrupted, the following cells run", async () => {
  const { cells, outputs } = await run(['console.log("begin"); while (true) {}', 'console.log("next")'], {
    timeout: 0.5,
  });
  assertEquals(cells.map((cell) => cell.status), ["timeout", "ok"]);
  const { error } = cells[0];
  assert(error instanceof CellTimeoutError && error.recovered);
  assertEquals(printed(outputs[0]), "begin\n");
  const { ename, evalue } = outputs[0].at(-1) as ErrorOutput;
  assertEquals([ename, evalue], ["CellTimeoutError", "The cell took longer than 0.5 s: it was interrupted"]);
  assertEquals(printed(outputs[1]), "next\n");
});

Deno.test("a cell that awaits for ever costs the kernel, the following cells are skipped", async () => {
  const { cells, outputs } = await run(['console.log("begin"); await new Promise(() => {})', "2"], { timeout: 0.5 });
  assertEquals(cells.map((cell) => cell.status), ["timeout", "skipped"]);
  const { error } = cells[0];
  assert(error instanceof CellTimeoutError && !error.recovered);
  assertEquals(printed(outputs[0]), "begin\n");
});

Deno.test("after setup() a throwing timer and a rejection are printed, and an interrupt aborts the signal", async () => {
  const { cells, outputs } = await run([
    `${IMPORT} notebook.setup(); notebook.setup();`,
    'setTimeout(() => { throw new Error("in a timer"); }, 1); await new Promise((resolve) => setTimeout(resolve, 30));',
    'Promise.reject(new Error("nobody minds")); await new Promise((resolve) => setTimeout(resolve, 10)); "alive"',
    "const signal = notebook.interruptSignal();\nwhile (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 5));\nconsole.log(signal.reason.name)",
    "console.log(notebook.interruptSignal().aborted)",
    "while (true) {}",
    'console.log("end")',
  ], { timeout: 1 });
  assertEquals(cells.map((cell) => cell.status), ["ok", "ok", "ok", "timeout", "ok", "timeout", "ok"]);
  assertStringIncludes(printed(outputs[1], "stderr"), "Uncaught Error: in a timer");
  assertEquals(printed(outputs[1], "stderr").match(/Uncaught/g)?.length, 1);
  assertStringIncludes(printed(outputs[2], "stderr"), "Uncaught (in promise) Error: nobody minds");
  assertEquals(printed(outputs[3]), "AbortError\n");
  assertEquals(printed(outputs[4]), "false\n");
  assertEquals(printed(outputs[6]), "end\n");
});

Deno.test("without setup() an error in a timer ends the kernel under an awaiting cell, which is found out", async () => {
  const { cells } = await run(
    [
      'setTimeout(() => { throw new Error("in a timer"); }, 20); await new Promise((resolve) => setTimeout(resolve, 40));',
      "2",
    ],
    { timeout: 0.3 },
  );
  assertEquals(cells.map((cell) => cell.status), ["timeout", "skipped"]);
  assertStringIncludes(cells[0].error?.message ?? "", "notebook.setup() helps against errors in timers");
});

Deno.test("what a cell leaves running is the cell's, also if it blocks the kernel", async () => {
  const { cells, outputs } = await run([
    "const ticks = setInterval(() => console.log('tick'), 5);",
    "await new Promise((resolve) => setTimeout(resolve, 40)); clearInterval(ticks);",
    "setTimeout(() => { while (true); }, 0);",
    "console.log('next')",
  ], { timeout: 0.5 });
  assertEquals(cells.map((cell) => cell.status), ["ok", "ok", "timeout", "ok"]);
  assertStringIncludes(printed(outputs[1]), "tick\ntick\n");
  assertEquals(cells[2].error?.message, "What the cell left running took longer than 0.5 s: it was interrupted");
  assertEquals(printed(outputs[3]), "next\n");
});

Deno.test("a kernel that exits is reported with its exit code and what it printed last", async () => {
  const { cells, outputs } = await run([
    'console.log("begin"); await new Promise((resolve) => setTimeout(resolve, 20)); Deno.exit(3)',
    "2",
  ]);
  assertEquals(cells.map((cell) => cell.status), ["died", "skipped"]);
  const { error } = cells[0];
  assert(error instanceof KernelDiedError);
  assertStringIncludes(error.message, "The kernel exited with code 3");
  assertEquals(printed(outputs[0]), "begin\n");
  assertStringIncludes((outputs[0].at(-1) as ErrorOutput).evalue, "code 3");
});

Deno.test("an aborted signal ends the kernel and rejects with its reason", async () => {
  await inTempDir(async (cwd) => {
    const controller = new AbortController();
    const notebook = notebookOf("await Deno.writeTextFile('pid', String(Deno.pid))", "await new Promise(() => {})");
    const onCell = () => controller.abort(new Error("enough"));
    const error = await assertRejects(() => execute(notebook, { cwd, signal: controller.signal, onCell }), Error);
    assertEquals(error.message, "enough");
    const pid = await Deno.readTextFile(`${cwd}/pid`);
    const { success } = await new Deno.Command("kill", { args: ["-0", pid], stderr: "null" }).output();
    assertEquals(success, false, "the kernel is still there");
    await assertRejects(
      () => execute(notebook, { cwd, signal: AbortSignal.abort(new Error("before")) }),
      Error,
      "before",
    );
  });
});

Deno.test("a kernel that does not start is a KernelStartError with what it printed", async () => {
  const missing = await assertRejects(() => run(["1"], { kernel: "/no/such/deno" }), KernelStartError);
  assertStringIncludes(missing.message, 'Cannot start "/no/such/deno"');
  await inTempDir(async (folder) => {
    const script = `${folder}/deno`;
    await Deno.writeTextFile(script, `#!/bin/sh\necho tried >> "${folder}/tries"\necho "cannot load" >&2\nexit 7\n`, {
      mode: 0o755,
    });
    const failing = await assertRejects(() => run(["1"], { kernel: script }), KernelStartError);
    assertStringIncludes(failing.message, "The kernel exited with code 7\ncannot load");
    assertEquals(await Deno.readTextFile(`${folder}/tries`), "tried\ntried\n");
    await Deno.writeTextFile(script, "#!/bin/sh\nexec sleep 100\n", { mode: 0o755 });
    await assertRejects(
      () => run(["1"], { kernel: script, startup: 0.2 }),
      KernelStartError,
      "The kernel did not start",
    );
  });
});

Deno.test("what cannot be executed is refused in words", async () => {
  await inTempDir(async (folder) => {
    const path = `${folder}/a.ipynb`;
    await assertRejects(() => execute(path), Deno.errors.NotFound, "there is no such file");
    await assertRejects(() => execute(folder), TypeError, "it is a folder, expected a notebook");
    await Deno.writeTextFile(path, "print(1)");
    await assertRejects(
      () => execute(path),
      TypeError,
      `Cannot execute "${path}": Cannot read the notebook: it is not JSON`,
    );
    await assertRejects(() => execute(new URL("https://example.org/a.ipynb")), TypeError, "only local files");
    await assertRejects(
      () => execute(notebookOf("1"), { timeout: 0 }),
      RangeError,
      "The timeout must be a positive number of seconds, got 0",
    );
    await assertRejects(() => execute(notebookOf("1"), { startup: NaN }), RangeError, "The startup must be");
    await assertRejects(
      () => execute(notebookOf("1"), { cwd: `${folder}/none` }),
      Deno.errors.NotFound,
      "there is no such folder",
    );
  });
});

Deno.test("a notebook file runs in its own folder with its own configuration, and out may be the file itself", async () => {
  await inTempDir(async (folder) => {
    await Deno.writeTextFile(`${folder}/deno.json`, '{ "imports": { "named": "./named.ts" } }');
    await Deno.writeTextFile(`${folder}/named.ts`, "export const name = import.meta.url;");
    await Deno.mkdir(`${folder}/family`);
    const path = `${folder}/family/a b.ipynb`;
    const notebook = notebookOf('import { name } from "named";\nconsole.log(name, Deno.cwd());', "2");
    notebook.cells.unshift({ cell_type: "markdown", id: "title", metadata: {}, source: "# Title" });
    await Deno.writeTextFile(path, formatNotebook(notebook));
    const first = await execute(path, { out: path });
    assert(first.ok);
    const text = await Deno.readTextFile(path);
    assertEquals(parseNotebook(text), first.notebook);
    assertStringIncludes(text, '"named.ts family\\n"');
    await execute(new URL(`file://${folder}/family/a%20b.ipynb`), { out: path });
    assertEquals(await Deno.readTextFile(path), text, "a second run stores something else");
  });
});
