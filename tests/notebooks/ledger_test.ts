import { assertEquals } from "@std/assert";
import {
  type Claim,
  claimsOf,
  devicesOf,
  figuresOf,
  ledger,
  type MediaBundle,
  type Notebook,
} from "../../src/notebook/mod.ts";
import { notebookOf } from "./helpers.ts";

const claim = (paper: string, rest: Partial<Claim> = {}): Claim => ({
  paper,
  says: "fast",
  measured: "3 ms",
  holds: true,
  ...rest,
});

Deno.test("the ledger has a row for each claim, sorted by paper, in cells that cannot break", () => {
  const table = ledger([
    {
      href: "b/second one.ipynb",
      title: "Two | bars",
      device: "a GPU",
      claims: [claim("z"), claim("b", { device: "a CPU", holds: false })],
    },
    { href: "a.ipynb", claims: [claim("m", { says: "|x|\n  grows", holds: "partly", note: "small n" })] },
  ]);
  assertEquals(
    table,
    `| Paper | It says | Measured here | Device | Holds | Notebook |
| --- | --- | --- | --- | --- | --- |
| \`b\` | fast | 3 ms | a CPU | ✗ does not hold | [Two \\| bars](b/second%20one.ipynb) |
| \`m\` | \\|x\\| grows | 3 ms (small n) |  | ≈ holds in part | [a.ipynb](a.ipynb) |
| \`z\` | fast | 3 ms | a GPU | ✓ holds | [Two \\| bars](b/second%20one.ipynb) |
`,
  );
});

Deno.test("a ledger without claims says so", () => {
  assertEquals(ledger([{ href: "a.ipynb", claims: [] }]), "No claims yet.\n");
});

/** A notebook whose cells have displayed the bundles. */
function displaying(...bundles: MediaBundle[]): Notebook {
  const notebook = notebookOf(...bundles.map(() => "1"));
  notebook.cells.forEach((cell, i) => {
    if (cell.cell_type === "code") cell.outputs = [{ output_type: "display_data", data: bundles[i], metadata: {} }];
  });
  return notebook;
}

Deno.test("claims, devices and figures are found in stored outputs", () => {
  const device = { name: "a GPU", backend: "webgpu" };
  const png = (...bytes: number[]) => Uint8Array.from(bytes).toBase64();
  const notebook = displaying(
    { "application/vnd.denovo.device+json": device, "text/plain": "a GPU" },
    { "application/vnd.denovo.claim+json": claim("a") },
    { "image/png": png(1, 2), "application/vnd.vegalite.v5+json": { title: "A title" } },
    { "image/png": [png(3), "\n"], "application/vnd.vegalite.v5+json": { title: { text: ["Two", "lines"] } } },
    { "application/vnd.denovo.device+json": device },
    { "image/png": png(4), "application/vnd.vegalite.v5+json": { mark: "bar" } },
    { "image/png": png(5) },
    { "application/vnd.denovo.claim+json": claim("b") },
  );
  assertEquals(claimsOf(notebook).map(({ paper }) => paper), ["a", "b"]);
  assertEquals(devicesOf(notebook), [device]);
  assertEquals(figuresOf(notebook).map(({ png, title }) => [[...png], title]), [
    [[1, 2], "A title"],
    [[3], "Two lines"],
    [[4], undefined],
    [[5], undefined],
  ]);
});
