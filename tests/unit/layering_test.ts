import { assertEquals } from "@std/assert";

/** The folders of src in the order in which they may use each other: each only those before it. */
const ORDER = [
  "formula",
  "device",
  "ops",
  "tensor",
  "operators",
  "linalg",
  "plot",
  "methods",
  "notebook",
  "data",
  "testing",
];
/** Folders whose files may hold WGSL. */
const WGSL = ["formula", "device", "ops"];

const root = new URL("../../src/", import.meta.url);

async function* sources(folder: URL): AsyncGenerator<URL> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isDirectory) yield* sources(new URL(`${entry.name}/`, folder));
    else if (entry.name.endsWith(".ts")) yield new URL(entry.name, folder);
  }
}

const files: { path: string; folder: string; text: string; url: URL }[] = [];
for await (const url of sources(root)) {
  const path = url.href.slice(root.href.length);
  files.push({ path, folder: path.split("/")[0], text: await Deno.readTextFile(url), url });
}

/** Code without comments: examples in docstrings import what users import. */
const codeOf = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");

Deno.test("every folder of src has a place in the order of layers", () => {
  assertEquals([...new Set(files.map((f) => f.folder))].filter((f) => !ORDER.includes(f)), []);
});

Deno.test("a folder imports only from the folders before it", () => {
  const wrong: string[] = [];
  let found = 0;
  for (const { path, folder, text, url } of files) {
    for (const [, specifier] of codeOf(text).matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
      const target = new URL(specifier, url).href;
      if (!target.startsWith(root.href)) continue;
      found++;
      const other = target.slice(root.href.length).split("/")[0];
      if (ORDER.indexOf(other) > ORDER.indexOf(folder)) wrong.push(`${path} imports ${other}`);
    }
  }
  assertEquals(wrong, []);
  assertEquals(found > 200, true, `only ${found} imports were seen`);
});

Deno.test("WGSL is written in formula, device and ops alone", () => {
  const wgsl = /@compute|var<(storage|workgroup|uniform)|workgroupBarrier|@builtin\(/;
  const wrong = files.filter((f) => !WGSL.includes(f.folder) && wgsl.test(codeOf(f.text))).map((f) => f.path);
  assertEquals(wrong, []);
});

Deno.test("navigator.gpu is touched by the device folder alone", () => {
  const wrong = files.filter((f) => f.folder !== "device" && /navigator\??\.gpu/.test(codeOf(f.text))).map((f) =>
    f.path
  );
  assertEquals(wrong, []);
});

Deno.test("system libraries are opened by the device folder alone", () => {
  const wrong = files.filter((f) => f.folder !== "device" && /\bdlopen\b/.test(codeOf(f.text))).map((f) => f.path);
  assertEquals(wrong, []);
});

Deno.test("no source file is longer than 350 lines", () => {
  // The tensor class is one list of one-line methods; splitting it would scatter what a user looks up in one place.
  const allowed = ["tensor/tensor.ts"];
  const long = files.filter((f) => !allowed.includes(f.path) && f.text.split("\n").length > 350).map((f) => f.path);
  assertEquals(long, []);
});
