/**
 * Fills the speed table of the README from the stored results: `deno run -A bench/summary.ts`.
 *
 * @module
 */
import { digits, markdown } from "./harness.ts";
import type { StoredResults } from "./results.ts";

/** What the README shows: benchmark, size, the peers to compare with, and what it is in a reader's words. */
const ROWS: readonly {
  family?: string;
  name: string;
  size: string;
  what: string;
  peers: readonly string[];
}[] = [
  {
    name: "product",
    size: "1024",
    what: "matrix product, 1024³",
    peers: [
      "jax-js webgpu",
      "tfjs webgpu",
      "onnxruntime webgpu",
      "jax-js wasm",
      "onnxruntime wasm",
      "numpy",
      "torch cuda",
    ],
  },
  {
    family: "double",
    name: "product",
    size: "1024",
    what: "matrix product in f64, 1024³",
    peers: ["ml-matrix", "onnxruntime wasm", "numpy"],
  },
  {
    name: "times a matrix of 64 columns",
    size: "4096, 168000 triplets",
    what: "sparse matrix, 1 % of 4096², times 64 columns",
    peers: ["numpy"],
  },
  {
    name: "Sinkhorn half-step",
    size: "2000",
    what: "Sinkhorn half-step, 2,000 points in 2-D",
    peers: ["numpy stored cost", "torch cuda stored cost", "jax-js webgpu stored cost", "tfjs webgpu stored cost"],
  },
  {
    name: "nearest of n points",
    size: "8000, d = 2",
    what: "nearest of 8,000 points in 2-D",
    peers: ["numpy"],
  },
  ...["1000", "4000"].flatMap((size) =>
    [0.1, 0.01, 0.001].map((fraction) => ({
      name: `sinkhorn, ε = ${fraction} max C`,
      size,
      what: `Sinkhorn, whole solve, ${Number(size).toLocaleString("en")} points, ε = ${fraction} of the largest cost`,
      peers: ["POT sinkhorn", "POT sinkhorn_log", "POT sinkhorn_stabilized"],
    }))
  ),
  ...[0.1, 0.01].map((fraction) => ({
    name: `1000 problems at once, ε = ${fraction} max C`,
    size: "64",
    what: `1,000 Sinkhorn problems of 64 points, ε = ${fraction}`,
    peers: ["a loop over POT sinkhorn"],
  })),
  {
    name: "sinkhorn on a grid, ε = 0.01 max C",
    size: "64 x 64",
    what: "Sinkhorn between 64 × 64 images, ε = 0.01",
    peers: ["POT sinkhorn, all pairs"],
  },
  {
    name: "exact",
    size: "4000",
    what: "exact transport, 4,000 points",
    peers: ["POT emd"],
  },
  {
    name: "exact, from coarse to fine",
    size: "8000",
    what: "exact transport, 8,000 points, from coarse to fine",
    peers: ["POT emd"],
  },
  {
    name: "logsumexp of rows",
    size: "4096 x 4096",
    what: "logsumexp of rows, 4096²",
    peers: ["numpy", "jax-js webgpu", "tfjs webgpu", "onnxruntime webgpu", "onnxruntime wasm"],
  },
  {
    name: "softmax of rows",
    size: "4096 x 4096",
    what: "softmax of rows, 4096²",
    peers: ["numpy", "jax-js webgpu", "tfjs webgpu", "onnxruntime webgpu", "onnxruntime wasm"],
  },
];

function section(stored: StoredResults): string {
  const rows = ROWS.flatMap(({ family, name, size, what, peers }) => {
    const found = stored.entries.filter((e) =>
      e.name === name && e.size === size && (family === undefined ? e.family !== "double" : e.family === family)
    );
    const own = found.find((e) => e.contestant === "denovo");
    if (!own) return [];
    const factors = peers.flatMap((peer) => {
      const entry = found.find((e) => e.contestant === peer);
      return entry ? [`${digits(1 / entry.ratio)}× ${peer}`] : [];
    });
    return factors.length ? [[what, `${digits(own.median_ms)} ms`, factors.join(", ")]] : [];
  });
  const cores = stored.cores === undefined ? "" : `, ${stored.cores} cores`;
  const versions = Object.entries(stored.versions).map(([name, version]) => `${name} ${version}`).join(", ");
  return [
    `On ${stored.device}${cores}, ${stored.date}, \`${stored.command}\` (${versions}). A factor above 1 says how many times as`,
    "fast as that peer Denovo is; quartiles of it are in bench/README.md.",
    "",
    markdown([["what", "Denovo", "against"], ...rows]),
  ].join("\n");
}

const folder = new URL("./results/", import.meta.url), readme = new URL("../README.md", import.meta.url);
const parts: string[] = [];
for (const entry of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  if (entry.name.endsWith(".json")) parts.push(section(JSON.parse(Deno.readTextFileSync(new URL(entry.name, folder)))));
}
const text = await Deno.readTextFile(readme);
const filled = text.replace(
  /<!-- speed -->[\s\S]*?<!-- \/speed -->/,
  () => `<!-- speed -->\n\n${parts.join("\n\n")}\n\n<!-- /speed -->`,
);
if (filled === text && !text.includes(parts[0] ?? "<!--")) {
  throw new Error("The README has no place for the speed table");
}
await Deno.writeTextFile(readme, filled);
