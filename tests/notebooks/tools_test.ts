import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { formatNotebook, type Notebook, parseNotebook } from "../../src/notebook/mod.ts";
import { makeFigures } from "../../tools/figures.ts";
import { replaceSection } from "../../tools/gallery.ts";
import { runNotebooks } from "../../tools/notebooks.ts";
import { captureLog, IMPORT, inTempDir, notebookOf } from "./helpers.ts";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** A notebook with a title and one cell that shows a device, two figures and a claim. */
function paper(holds: boolean): Notebook {
  const notebook = notebookOf(`${IMPORT}
const show = (bundle: Record<string, unknown>) => notebook.display({ [Symbol.for("Jupyter.display")]: () => bundle });
await show({ "application/vnd.denovo.device+json": { name: "a GPU", backend: "webgpu" }, "text/plain": "a GPU" });
await show({ "image/png": "${PNG}", "application/vnd.vegalite.v5+json": { title: "Résidual vs. time (ms)" } });
await show({ "image/png": "${PNG}" });
await notebook.claim({ paper: "a-paper", says: "fast", measured: "3 ms", holds: ${holds} });`);
  const source = "# Sinkhorn\n\nHow *fast*\nit is.\n\nMore.";
  notebook.cells.unshift({ cell_type: "markdown", id: "title", metadata: {}, source });
  return notebook;
}

/** A project with the notebooks, by their paths below `notebooks/`. */
async function inProject(notebooks: Record<string, Notebook>, use: (root: string) => Promise<void>): Promise<void> {
  await inTempDir(async (root) => {
    for (const [path, notebook] of Object.entries(notebooks)) {
      const file = `${root}/notebooks/${path}`;
      await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(file, formatNotebook(notebook));
    }
    await use(root);
  });
}

Deno.test("the notebooks tool stores what ran, leaves what failed, and rewrites gallery and ledger", async () => {
  const failing = notebookOf("1", '\nthrow new Error("on purpose")');
  await inProject({ "transport/sinkhorn.ipynb": paper(true), "bad.ipynb": failing }, async (root) => {
    const index = `${root}/notebooks/README.md`;
    await Deno.writeTextFile(index, "# Mine\n\n<!-- gallery -->old<!-- /gallery -->\n\nKept.\n");
    const before = await Deno.readTextFile(`${root}/notebooks/bad.ipynb`);
    const checked = await captureLog(async () =>
      assertEquals(await runNotebooks({ root, paths: [], check: true }), false)
    );
    assertMatch(checked[0], /^FAIL +\d+\.\d s {2}notebooks\/bad\.ipynb$/);
    assertEquals(checked[1].split("\n"), [
      "  In[2] Error: on purpose",
      "      at In[2]:2:7",
      '    2 | throw new Error("on purpose")',
      "      |       ^",
    ]);
    assertMatch(checked[2], /^ok +\d+\.\d s {2}notebooks\/transport\/sinkhorn\.ipynb$/);
    assertStringIncludes(await Deno.readTextFile(index), "old");

    await captureLog(() => runNotebooks({ root, paths: [], check: false }));
    assertEquals(await Deno.readTextFile(`${root}/notebooks/bad.ipynb`), before);
    const stored = parseNotebook(await Deno.readTextFile(`${root}/notebooks/transport/sinkhorn.ipynb`));
    assert(stored.cells[1].cell_type === "code" && stored.cells[1].outputs.length === 4);
    assertEquals(
      await Deno.readTextFile(index),
      `# Mine

<!-- gallery -->
## General

- [bad.ipynb](bad.ipynb) (0 figures, 0 claims)

## transport

- [Sinkhorn](transport/sinkhorn.ipynb) (2 figures, 1 claim): How *fast* it is.
<!-- /gallery -->

Kept.

<!-- ledger -->
## Claims

| Paper | It says | Measured here | Device | Holds | Notebook |
| --- | --- | --- | --- | --- | --- |
| \`a-paper\` | fast | 3 ms | a GPU | ✓ holds | [Sinkhorn](transport/sinkhorn.ipynb) |
<!-- /ledger -->
`,
    );
  });
});

Deno.test("a claim about a paper that is not in papers.json fails the run", async () => {
  await inProject({ "a/one.ipynb": paper(true) }, async (root) => {
    const paths = [`${root}/notebooks/a/one.ipynb`];
    await Deno.writeTextFile(`${root}/papers.json`, '[{ "slug": "another" }]');
    const lines = await captureLog(async () => assertEquals(await runNotebooks({ root, paths, check: true }), false));
    assertStringIncludes(lines.join("\n"), 'The claim on "a-paper" is about no paper of papers.json');
    await Deno.writeTextFile(`${root}/papers.json`, '[{ "slug": "a-paper" }]');
    await captureLog(async () => assertEquals(await runNotebooks({ root, paths, check: true }), true));
  });
});

Deno.test("the figures tool writes the figures and the executed copy, and says which device", async () => {
  await inProject({ "transport/sinkhorn.ipynb": paper(false) }, async (root) => {
    const folder = `${root}/out/transport`;
    await Deno.mkdir(folder, { recursive: true });
    for (const name of ["sinkhorn-7-old-title.png", "sinkhorn-flow-1.png"]) {
      await Deno.writeTextFile(`${folder}/${name}`, "old");
    }
    const path = `${root}/notebooks/transport/sinkhorn.ipynb`;
    const before = await Deno.readTextFile(path);
    const lines = await captureLog(async () => assert(await makeFigures(path, `${root}/out`)));
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
    assertEquals(names, [
      "sinkhorn-1-residual-vs-time-ms.png",
      "sinkhorn-2.png",
      "sinkhorn-flow-1.png",
      "sinkhorn.ipynb",
    ]);
    assertEquals((await Deno.readFile(`${folder}/${names[1]}`)).toBase64(), PNG);
    assertEquals(await Deno.readTextFile(path), before);
    const said = lines.map((line) => line.trim().replace(/\S*\/out\//, "out/"));
    assertEquals(said.slice(1, -1), [
      "device   a GPU (webgpu)",
      "notebook out/transport/sinkhorn.ipynb",
      "figure   out/transport/sinkhorn-1-residual-vs-time-ms.png",
      "figure   out/transport/sinkhorn-2.png",
      "claim    ✗ a-paper: 3 ms",
    ]);
    assertMatch(said.at(-1) ?? "", /^time {5}\d+\.\d s$/);
  });
});

Deno.test("the figures tool needs nothing but Deno: no PATH, no other variable, an empty home", async () => {
  await inProject({ "a/one.ipynb": paper(true) }, async (root) => {
    const script = `import { makeFigures } from "${new URL("../../tools/figures.ts", import.meta.url)}";
      if (!await makeFigures("${root}/notebooks/a/one.ipynb", "${root}/out")) Deno.exit(1);`;
    await Deno.mkdir(`${root}/home`);
    const command = new Deno.Command(Deno.execPath(), {
      args: ["eval", script],
      clearEnv: true,
      env: { HOME: `${root}/home` },
    });
    const { code, stderr } = await command.output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assertEquals((await Deno.readFile(`${root}/out/a/one-2.png`)).toBase64(), PNG);
  });
});

Deno.test("a section is replaced between its markers or added at the end", () => {
  assertEquals(replaceSection("a\n", "x", "b\n"), "a\n\n<!-- x -->\nb\n<!-- /x -->\n");
  assertEquals(replaceSection("a <!-- x -->old<!-- /x --> c", "x", "b\n"), "a <!-- x -->\nb\n<!-- /x --> c");
});
