import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  formatNotebook,
  joinText,
  type Notebook,
  type ResultOutput,
  validateNotebook,
} from "../../src/notebook/mod.ts";
import { IMPORT, inTempDir, printed, run, shown } from "./helpers.ts";

const countLines = (count: number) => `for (let i = 1; i <= ${count}; i++) console.log("line", i);`;
const lines = (count: number) => Array.from({ length: count }, (_, i) => `line ${i + 1}\n`).join("");

Deno.test("all that a cell prints arrives, in order and in the cell that printed it", async () => {
  const counts = [5, 1000, 1, 100, 5];
  const { ok, outputs, cells, notebook } = await run([
    ...counts.map(countLines),
    'console.log("out 1"); console.error("err 1"); console.log("out 2");',
    'console.log("x".repeat(2_000_000));',
    'console.log("after");',
  ]);
  assert(ok);
  counts.forEach((count, i) => assertEquals(printed(outputs[i]), lines(count)));
  assertEquals<unknown>(outputs[5], [
    { output_type: "stream", name: "stdout", text: ["out 1\n"] },
    { output_type: "stream", name: "stderr", text: ["err 1\n"] },
    { output_type: "stream", name: "stdout", text: ["out 2\n"] },
  ]);
  assertEquals(printed(outputs[6]).length, 2_000_001);
  assertEquals(printed(outputs[7]), "after\n");
  const report = cells.map(({ index, count, status }) => `${index}:${count}:${status}`).join(" ");
  assertEquals(report, "0:1:ok 1:2:ok 2:3:ok 3:4:ok 4:5:ok 5:6:ok 6:7:ok 7:8:ok");
  await checkValid(notebook);
});

Deno.test("results and displays are stored as the kernel shows them", async () => {
  const hook = 'Symbol.for("Jupyter.display")';
  const { outputs, cells, notebook } = await run([
    "1 + 1",
    "NaN",
    `({ [${hook}]() { return undefined; } })`,
    `({ [${hook}]() { return { "text/plain": "p", "application/vnd.x+json": { a: [1] }, "image/png": "iVBORw0K" }; } })`,
    `({ [${hook}]() { throw new Error("in the hook"); } })`,
    'await Deno.jupyter.display({ "text/plain": "first" }, { raw: true, display_id: "d" }); "result"',
    'await Deno.jupyter.display({ "text/plain": "second" }, { raw: true, update: true, display_id: "d" })',
    "",
    "// nothing",
    'console.log("cleared"); await Deno.jupyter.broadcast("clear_output", { wait: false }); console.log("kept")',
  ]);
  assertEquals(shown(outputs[0]), ["2"]);
  assertEquals((outputs[0][0] as ResultOutput).execution_count, 1);
  assertEquals(outputs[1], []);
  assertEquals(outputs[2], []);
  assertEquals((outputs[3][0] as ResultOutput).data["application/vnd.x+json"], { a: [1] });
  assertEquals(outputs[4].map((output) => output.output_type), ["error"]);
  assertEquals(shown(outputs[5]), ["second", '"result"']);
  assertEquals(shown(outputs[6]), []);
  assertEquals(printed(outputs[9]), "kept\n");
  assertEquals(
    cells.map(({ index, count, status }) => `${index}:${count}:${status}`).join(" "),
    "0:1:ok 1:2:ok 2:3:ok 3:4:ok 4:5:error 5:6:ok 6:7:ok 8:8:ok 9:9:ok",
  );
  await checkValid(notebook);
});

Deno.test("the input stays as it is, apart from outputs, counts and the kernel's name", async () => {
  const { notebook } = await run(["let a: number = 1;\na"]);
  assertEquals(notebook.metadata.kernelspec, { name: "deno", display_name: "Deno", language: "typescript" });
  assertEquals((notebook.metadata.language_info as { name: string }).name, "typescript");
  const { cell_type, id, source, metadata } = notebook.cells[0];
  assertEquals([cell_type, id, joinText(source), metadata], ["code", "c1", "let a: number = 1;\na", {}]);
});

Deno.test("claims and displays of the library arrive, and the bar of a report is redrawn at most 8 times a second", async () => {
  const record = { paper: "a-paper", says: "it is <fast>", measured: "3 ms", holds: "partly", note: "n | m" };
  const { ok, outputs, claims } = await run([
    `${IMPORT} await notebook.claim(${JSON.stringify(record)});`,
    'await notebook.display({ step: 1 }, { id: "s" }); await notebook.display({ step: 2 }, { id: "s", update: true });',
    'await notebook.display("text"); await notebook.display({ [Symbol.for("Jupyter.display")]: () => ({ "text/html": "<b>" }) })',
    `let sent = 0;
    const { broadcast } = Deno.jupyter;
    Deno.jupyter.broadcast = (...message) => { sent++; return broadcast(...message); };
    const bar = notebook.progress("Sinkhorn", 100_000);
    const began = performance.now();
    for (let i = 1; i <= 100_000; i++) bar.update(i, "going");
    bar.done("converged");
    const allowed = 2 + (performance.now() - began) / 125;
    bar.update(7);
    console.log(sent <= allowed && sent >= 2 ? "few" : \`\${sent} of \${allowed}\`);`,
    'const open = notebook.progress("Open end"); open.update(3); open.done();',
  ]);
  assert(ok);
  assertEquals<unknown>(claims, [record]);
  const [badge] = outputs[0] as ResultOutput[];
  assertStringIncludes(
    joinText(badge.data["text/html"] as string),
    "≈ holds in part</strong> · <code>a-paper</code><br><em>Paper:</em> it is &lt;fast&gt;",
  );
  assertStringIncludes(
    joinText(badge.data["text/markdown"] as string),
    "**≈ holds in part** · `a-paper`\n\n- *Paper:* it is <fast>\n- *Here:* 3 ms\n",
  );
  assertEquals(shown(outputs[0]), ["≈ holds in part: a-paper\n  Paper: it is <fast>\n  Here: 3 ms\n  Note: n | m"]);
  assertEquals(shown(outputs[1]), ["{ step: 2 }"]);
  assertEquals(outputs[2].length, 2);
  assertEquals(printed(outputs[3]), "few\n");
  assert(/^Sinkhorn: 100% 100000\/100000, \d+\.\d s, converged$/.test(shown(outputs[3])[0]), shown(outputs[3])[0]);
  assert(/^Open end: 3, \d+\.\d s$/.test(shown(outputs[4])[0]), shown(outputs[4])[0]);
});

/** Valid by our own rules and, where Python has nbformat, by its. */
async function checkValid(notebook: Notebook): Promise<void> {
  assertEquals(validateNotebook(notebook), []);
  await inTempDir(async (folder) => {
    const file = `${folder}/a.ipynb`;
    const text = formatNotebook(notebook);
    await Deno.writeTextFile(file, text);
    const script = `
import sys
try:
    import nbformat
except ImportError:
    sys.exit(42)
notebook = nbformat.read(sys.argv[1], as_version=4)
nbformat.validate(notebook)
sys.stdout.write(nbformat.writes(notebook))`;
    const python = new Deno.Command("/usr/bin/python3", {
      args: ["-c", script, file],
      env: { PYTHONIOENCODING: "utf8" },
    });
    const result = await python.output().catch(() => undefined);
    if (!result || result.code === 42) {
      return console.log("no Python with nbformat here: checked by our own validator only");
    }
    assertEquals(new TextDecoder().decode(result.stderr), "");
    assertEquals(new TextDecoder().decode(result.stdout), text.trimEnd(), "Jupyter would write the file differently");
  });
}
