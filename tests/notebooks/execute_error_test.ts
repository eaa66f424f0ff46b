import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { CellError, type ErrorOutput } from "../../src/notebook/mod.ts";
import { run } from "./helpers.ts";

type Result = Awaited<ReturnType<typeof run>>;

/** The stored error of a cell. */
const stored = (result: Result, i: number) => result.outputs[i].at(-1) as ErrorOutput;

/** Where the reported error of a cell is, as `In[count]:line:column`. */
function place(result: Result, i: number): string | undefined {
  const { error } = result.cells[i];
  assert(error instanceof CellError, `cell ${i} has ${error}`);
  const { position } = error;
  return position && `In[${position.cell}]:${position.line}:${position.column}`;
}

Deno.test("an error tells its line in the cell, also in functions of other cells and in modules", async () => {
  const result = await run([
    'console.log("before");\n\nthrow new RangeError("x is 5")',
    '// kept by nobody\ninterface Point {\n  x: number;\n}\nfunction f(p: Point): number {\n  // a comment\n  if (p.x > 1) throw new TypeError("deep");\n  return p.x;\n}',
    "const p: Point = { x: 2 };\n\nf(p)",
    'import {\n  fail,\n} from "./fails.ts";\nimport type { Nothing } from "./fails.ts";\n\nconst list = [1, 2, 3];\nlist.map((value) => fail(value as Nothing))',
    "await new Promise((resolve) => setTimeout(resolve, 1));\n\n\nnull.foo",
    'throw new Error("two\\nlines")',
  ], {
    files: {
      "fails.ts":
        'export type Nothing = number;\nexport function fail(x: number): never {\n  throw new Error("in a module " + x);\n}\n',
    },
  });
  assertEquals(result.cells.map((cell) => cell.status), ["error", "ok", "error", "error", "error", "error"]);
  assertEquals(result.ok, false);

  assertEquals(place(result, 0), "In[1]:3:7");
  assertEquals(
    result.cells[0].error?.message,
    'RangeError: x is 5\n    at In[1]:3:7\n  3 | throw new RangeError("x is 5")\n    |       ^',
  );
  assertEquals(result.outputs[0].map((output) => output.output_type), ["stream", "error"]);
  assertEquals(stored(result, 0), {
    output_type: "error",
    ename: "RangeError",
    evalue: "x is 5",
    traceback: ["RangeError: x is 5", "    at In[1]:3:7"],
  });

  assertEquals(place(result, 2), "In[3]:3:1");
  assertEquals(stored(result, 2).traceback, ["TypeError: deep", "    at f (In[2]:7:22)", "    at In[3]:3:1"]);

  assertEquals(place(result, 3), "In[4]:7:21");
  assertEquals(stored(result, 3).traceback.slice(0, 3), [
    "Error: in a module 1",
    "    at fail (fails.ts:3:9)",
    "    at In[4]:7:21",
  ]);

  assertEquals(place(result, 4), "In[5]:4:6");
  assertEquals(place(result, 5), "In[6]:1:7");
  assertEquals(stored(result, 5).traceback, ["Error: two", "lines", "    at In[6]:1:7"]);
});

Deno.test("a cell that does not parse or compile shows why and where, and the next ones run", async () => {
  const result = await run([
    "let x = ;",
    "const a = 1;\nconst b = 2; const a = 3;",
    "\nreturn 5",
    "const view = <div>{1 +}</div>;",
    'console.log("alive")',
  ]);
  assertEquals(result.cells.map((cell) => cell.status), ["error", "error", "error", "error", "ok"]);
  assertEquals(stored(result, 0), {
    output_type: "error",
    ename: "SyntaxError",
    evalue: "Expression expected",
    traceback: ["SyntaxError: Expression expected", "    at In[1]:1:9", "  1 | let x = ;", "    |         ^"],
  });
  assertEquals(place(result, 1), "In[2]:2:20");
  assertEquals(stored(result, 1).evalue, "Identifier 'a' has already been declared");
  assertEquals(place(result, 2), "In[3]:2:1");
  assertEquals(stored(result, 3).ename, "SyntaxError");
  assertMatch(place(result, 3) ?? "", /^In\[4\]:1:/);
});

Deno.test("an import that cannot be resolved is told with its place", async () => {
  // Nothing listens there: packages cannot be found, with and without a network.
  const registry = Deno.env.get("NPM_CONFIG_REGISTRY");
  Deno.env.set("NPM_CONFIG_REGISTRY", "http://127.0.0.1:9/");
  try {
    const result = await run([
      'import { x } from "./missing.ts";',
      'const a = 1;\nimport { y } from "no-such-name";',
      '\nimport z from "npm:no-such-package-of-denovo@1";\nz',
    ]);
    assertEquals(result.cells.map((cell) => cell.status), ["error", "error", "error"]);
    assertEquals(stored(result, 0).evalue, 'Module not found "missing.ts".');
    assertEquals(place(result, 0), "In[1]:1:19");
    assertStringIncludes(stored(result, 1).evalue, '"no-such-name"');
    assertEquals(place(result, 1), "In[2]:2:19");
    assertStringIncludes(stored(result, 2).evalue, "no-such-package-of-denovo");
    assertEquals(place(result, 2), "In[3]:2:15");
  } finally {
    if (registry === undefined) Deno.env.delete("NPM_CONFIG_REGISTRY");
    else Deno.env.set("NPM_CONFIG_REGISTRY", registry);
  }
});

Deno.test("without allowErrors the cells after a failed one do not run and lose their old outputs", async () => {
  const reported: string[] = [];
  const result = await run(["1", 'throw new Error("stop")', "3"], {
    allowErrors: false,
    onCell: ({ index, status }) => void reported.push(`${index} ${status}`),
  });
  assertEquals(reported, ["0 ok", "1 error", "2 skipped"]);
  assertEquals(result.cells[2], { index: 2, count: null, status: "skipped", ms: 0 });
  assertEquals(result.outputs[2], []);
});
