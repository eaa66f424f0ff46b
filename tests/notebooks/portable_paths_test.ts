import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { findConfig, portablePaths } from "../../src/notebook/portable_paths.ts";
import { inTempDir } from "./helpers.ts";

Deno.test({
  name: "paths below the project and the home folder are shortened where text is, and nowhere else",
  ignore: Deno.build.os === "windows",
  fn() {
    const shorten = portablePaths("/home/ada/lab", "/home/ada");
    const text =
      "at file:///home/ada/lab/src/a.ts:3:9 in /home/ada/lab/b, /home/ada/c, /home/ada/labs/d, /mnt/home/ada/lab/e";
    const short = "at src/a.ts:3:9 in b, ~/c, ~/labs/d, /mnt/home/ada/lab/e";
    assertEquals<unknown>(shorten({ output_type: "stream", name: "stdout", text }), {
      output_type: "stream",
      name: "stdout",
      text: [short],
    });
    const error = { output_type: "error", ename: "/home/ada/", evalue: text, traceback: ["x", text] } as const;
    assertEquals<unknown>(shorten({ ...error, traceback: ["x", text] }), {
      ...error,
      evalue: short,
      traceback: ["x", short],
    });
    const data = { "text/plain": [text], "text/html": [text] };
    assertEquals<unknown>(shorten({ output_type: "display_data", data, metadata: {} }), {
      output_type: "display_data",
      data: { "text/plain": [short], "text/html": [text] },
      metadata: {},
    });
  },
});

Deno.test("a file system's root is no project and no home", () => {
  const shorten = portablePaths("/", undefined);
  const output = { output_type: "stream", name: "stdout", text: ["/a/b"] } as const;
  assertEquals<unknown>(shorten({ ...output, text: ["/a/b"] }), output);
});

Deno.test("the configuration is the nearest one above a folder", async () => {
  await inTempDir(async (folder) => {
    await Deno.mkdir(join(folder, "a/b"), { recursive: true });
    await Deno.writeTextFile(join(folder, "deno.json"), "{}");
    assertEquals(findConfig(join(folder, "a/b")), join(folder, "deno.json"));
    await Deno.writeTextFile(join(folder, "a/deno.jsonc"), "{}");
    assertEquals(findConfig(join(folder, "a/b")), join(folder, "a/deno.jsonc"));
  });
});
