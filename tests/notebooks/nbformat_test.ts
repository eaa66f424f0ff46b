import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { formatNotebook, parseNotebook, validateNotebook } from "../../src/notebook/mod.ts";

const complete = () => ({
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { kernelspec: { name: "deno", display_name: "Deno" }, language_info: { name: "typescript" }, other: 1 },
  cells: [
    {
      cell_type: "markdown",
      id: "text",
      metadata: { tags: ["a", "b"] },
      source: "# Title",
      attachments: { "a.png": { "image/png": "x" } },
    },
    { cell_type: "raw", id: "raw_1", metadata: {}, source: ["a\n", "b"] },
    {
      cell_type: "code",
      id: "code-1",
      metadata: { collapsed: true, scrolled: "auto", name: "n" },
      source: "1",
      execution_count: null,
      outputs: [
        { output_type: "stream", name: "stdout", text: ["a\n"] },
        { output_type: "display_data", data: { "text/plain": "x", "application/x+json": { a: 1 } }, metadata: {} },
        { output_type: "execute_result", data: {}, metadata: {}, execution_count: 3 },
        { output_type: "error", ename: "E", evalue: "e", traceback: ["E: e"] },
      ],
    },
  ],
});

type Path = (string | number)[];

/** The complete notebook with the value at a path replaced, or removed if the value is undefined. */
function changed(path: Path, value: unknown): unknown {
  const notebook = complete();
  // deno-lint-ignore no-explicit-any
  const parent = path.slice(0, -1).reduce((part: any, key) => part[key], notebook);
  if (value === undefined) delete parent[path.at(-1)!];
  else parent[path.at(-1)!] = value;
  return notebook;
}

Deno.test("a notebook with every kind of cell and output is valid", () => {
  assertEquals(validateNotebook(complete()), []);
});

Deno.test("each break of the format is found and told", () => {
  const outputs = ["cells", 2, "outputs"];
  const breaks: [Path, unknown, string][] = [
    [["nbformat"], 3, "nbformat must be 4"],
    [["nbformat_minor"], 4, "nbformat_minor must be a whole number of at least 5"],
    [["extra"], 1, "extra is unknown"],
    [["cells"], {}, "cells must be an array"],
    [["metadata"], undefined, "metadata must be an object"],
    [["metadata", "kernelspec"], { name: "deno" }, "metadata must name the kernel"],
    [["metadata", "language_info"], {}, "metadata must name the language"],
    [["cells", 0], 5, "cells[0] must be an object"],
    [["cells", 0, "cell_type"], "heading", 'cells[0] has the cell_type "heading", expected one of code, markdown, raw'],
    [["cells", 0, "id"], undefined, "cells[0].id is missing"],
    [["cells", 0, "id"], "a b", "cells[0].id must be 1 to 64 letters"],
    [["cells", 0, "id"], "", "cells[0].id must be 1 to 64 letters"],
    [["cells", 0, "id"], "x".repeat(65), "cells[0].id must be 1 to 64 letters"],
    [["cells", 1, "id"], "text", 'cells[1].id repeats "text"'],
    [["cells", 0, "source"], ["a", 1], "cells[0].source must be a string or an array of strings"],
    [["cells", 0, "outputs"], [], "cells[0].outputs is unknown"],
    [["cells", 0, "attachments", "a.png", "image/png"], 1, "cells[0].attachments must hold a string"],
    [["cells", 0, "metadata", "tags"], ["a", "a"], "cells[0].metadata must have unique strings"],
    [["cells", 0, "metadata", "tags"], ["a,b"], "cells[0].metadata must have unique strings"],
    [["cells", 2, "metadata", "collapsed"], 1, "cells[2].metadata must have a boolean as collapsed"],
    [["cells", 2, "metadata", "scrolled"], "no", "cells[2].metadata must have a boolean or"],
    [["cells", 2, "metadata", "name"], "", "cells[2].metadata must have a string as name"],
    [["cells", 2, "attachments"], {}, "cells[2].attachments is unknown"],
    [["cells", 2, "execution_count"], undefined, "cells[2].execution_count is missing"],
    [["cells", 2, "execution_count"], -1, "cells[2].execution_count must be a natural number or null"],
    [outputs, {}, "cells[2].outputs must be an array"],
    [[...outputs, 0, "output_type"], "pyout", 'cells[2].outputs[0] has the output_type "pyout"'],
    [[...outputs, 0, "name"], 1, "cells[2].outputs[0].name must be a string"],
    [[...outputs, 0, "text"], null, "cells[2].outputs[0].text must be a string or"],
    [[...outputs, 1, "data"], undefined, "cells[2].outputs[1].data is missing"],
    [
      [...outputs, 1, "data", "text/plain"],
      5,
      'cells[2].outputs[1].data must hold a string or an array of strings under "text/plain"',
    ],
    [[...outputs, 1, "execution_count"], 5, "cells[2].outputs[1].execution_count is unknown"],
    [[...outputs, 1, "metadata"], null, "cells[2].outputs[1].metadata must be an object"],
    [[...outputs, 2, "execution_count"], 1.5, "cells[2].outputs[2].execution_count must be a natural number or null"],
    [[...outputs, 3, "traceback"], "text", "cells[2].outputs[3].traceback must be an array of strings"],
  ];
  for (const [path, value, words] of breaks) {
    const problems = validateNotebook(changed(path, value));
    assertEquals(problems.length, 1, `${path.join(".")}: ${problems}`);
    assertStringIncludes(problems[0], words);
  }
  assertEquals(validateNotebook([]), ["A notebook must be an object"]);
});

Deno.test("reading brings older notebooks to 4.5 with ids that depend on nothing but the place", () => {
  const old = JSON.stringify({
    nbformat: 4,
    nbformat_minor: 2,
    metadata: {},
    cells: [
      { cell_type: "markdown", source: "a" },
      { cell_type: "code", id: "cell-3", metadata: {}, source: "b", outputs: [], execution_count: 7 },
      { cell_type: "code", source: "c" },
    ],
  });
  const notebook = parseNotebook(old);
  assertEquals(notebook.cells.map((cell) => cell.id), ["cell-1", "cell-3", "cell-3-"]);
  assertEquals(validateNotebook(notebook), []);
  assertEquals(parseNotebook(old), notebook);
});

Deno.test("reading refuses what is no notebook of this format, in words", () => {
  assertThrows(() => parseNotebook("{"), TypeError, "Cannot read the notebook: it is not JSON");
  assertThrows(() => parseNotebook("null"), TypeError, "it has no list of cells");
  assertThrows(() => parseNotebook('{"worksheets": [], "nbformat": 3}'), TypeError, "older than 4");
  assertThrows(() => parseNotebook('{"cells": [], "nbformat": 5}'), TypeError, "nbformat is 5, expected 4");
  const bad = JSON.stringify({
    nbformat: 4,
    cells: [{ cell_type: "code" }, 1, { cell_type: "raw", source: 1 }, {}, {}],
  });
  const { message } = assertThrows(
    () => parseNotebook(bad),
    TypeError,
    "cells[0].source is missing, cells[1] must be an object",
  );
  assertStringIncludes(message, ", and 2 more");
});

Deno.test("a notebook is written with sorted keys, lines and a newline at the end, the same every time", () => {
  const notebook = parseNotebook(JSON.stringify(complete()));
  const text = formatNotebook(notebook);
  assertEquals(formatNotebook(parseNotebook(text)), text);
  assertEquals(text.split("\n").slice(0, 4), ["{", ' "cells": [', "  {", '   "attachments": {']);
  assertStringIncludes(text, '"source": [\n    "a\\n",\n    "b"\n   ]');
  assertEquals(text.endsWith("}\n"), true);
});
