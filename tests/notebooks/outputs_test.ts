import { assertEquals } from "@std/assert";
import { collectOutputs, type Displays } from "../../src/notebook/outputs.ts";
import type { JsonObject } from "../../src/notebook/wire.ts";

function collect(messages: [string, JsonObject][], displays: Displays = new Map()) {
  const collector = collectOutputs(displays);
  for (const [type, content] of messages) collector.add({ type, parent: undefined, content });
  return collector;
}

const stream = (name: string, text: string): [string, JsonObject] => ["stream", { name, text }];
const display = (text: string, id?: string, type = "display_data"): [string, JsonObject] => [type, {
  data: { "text/plain": text },
  metadata: {},
  transient: id ? { display_id: id } : {},
}];
const shown = (text: string) => ({ output_type: "display_data", data: { "text/plain": [text] }, metadata: {} });

Deno.test("what is printed to one stream in a row is one output, in lines", () => {
  const { outputs } = collect([
    stream("stdout", "a\nb"),
    stream("stdout", "c\n"),
    stream("stderr", "d\n"),
    stream("stdout", "e"),
  ]);
  assertEquals<unknown>(outputs(), [
    { output_type: "stream", name: "stdout", text: ["a\n", "bc\n"] },
    { output_type: "stream", name: "stderr", text: ["d\n"] },
    { output_type: "stream", name: "stdout", text: ["e"] },
  ]);
});

Deno.test("the error that ends a cell comes last, whenever it arrived", () => {
  const { outputs } = collect([
    ["error", { ename: "E", evalue: "e", traceback: ["E: e"] }],
    stream("stdout", "before\n"),
  ]);
  assertEquals(outputs().map((output) => output.output_type), ["stream", "error"]);
});

Deno.test("an update replaces every display with its id, in this cell and in earlier ones", () => {
  const displays: Displays = new Map();
  const first = collect([display("one", "a"), display("other", "b")], displays);
  const second = collect([display("two", "a"), display("three", "a", "update_display_data")], displays);
  assertEquals<unknown>(first.outputs(), [shown("three"), shown("other")]);
  assertEquals<unknown>(second.outputs(), [shown("three")]);
});

Deno.test("an update of a display that nobody made shows nothing", () => {
  assertEquals(
    collect([display("x", "nobody", "update_display_data"), display("y", undefined, "update_display_data")]).outputs(),
    [],
  );
});

Deno.test("clear_output clears at once, or with wait as the next output arrives", () => {
  assertEquals(collect([stream("stdout", "a"), ["clear_output", { wait: false }]]).outputs(), []);
  const waiting: [string, JsonObject][] = [stream("stdout", "a"), ["clear_output", { wait: true }]];
  assertEquals(collect(waiting).outputs().length, 1);
  assertEquals<unknown>(collect([...waiting, stream("stdout", "b")]).outputs(), [
    { output_type: "stream", name: "stdout", text: ["b"] },
  ]);
  assertEquals<unknown>(collect([...waiting, display("c")]).outputs(), [shown("c")]);
});

Deno.test("a display without data leaves no output unless an update can fill it in", () => {
  const displays: Displays = new Map();
  const collector = collect([["execute_result", { execution_count: 1, metadata: {} }], ["display_data", {
    transient: { display_id: "a" },
  }]], displays);
  assertEquals<unknown>(collector.outputs(), [{ output_type: "display_data", data: {}, metadata: {} }]);
  collect([display("later", "a", "update_display_data")], displays);
  assertEquals<unknown>(collector.outputs(), [shown("later")]);
});

Deno.test("bundles are stored as the format wants them", () => {
  const data = {
    "text/plain": "a\nb",
    "image/png": "iVBO\nRw0K",
    "image/svg+xml": "<svg>\n</svg>",
    "application/vnd.vegalite.v5+json": { mark: "bar" },
    "application/json": [1],
    "text/html": null,
    "text/latex": 5,
  };
  const [output] = collect([["execute_result", { data, metadata: { "text/plain": {} }, execution_count: 3 }]])
    .outputs();
  assertEquals<unknown>(output, {
    output_type: "execute_result",
    data: {
      "text/plain": ["a\n", "b"],
      "image/png": "iVBO\nRw0K",
      "image/svg+xml": ["<svg>\n", "</svg>"],
      "application/vnd.vegalite.v5+json": { mark: "bar" },
      "application/json": [1],
      "text/latex": "5",
    },
    metadata: { "text/plain": {} },
    execution_count: 3,
  });
});
