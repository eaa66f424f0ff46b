import { open, transport } from "../mod.ts";
import { uniform } from "./peers/peer.ts";

const gpu = await open();

// End to end: from points on the device to the result on the host, with every wait for a number in between.
for (const n of [1000, 4000]) {
  const [x, y] = [1, 2].map((seed) => gpu.tensor(uniform(2 * n, seed), { shape: [n, 2] }));
  for (const epsilon of [0.1, 0.01]) {
    Deno.bench({
      name: `sinkhorn, ${n} points, ε = ${epsilon} max C`,
      group: "transport",
      n: 5,
      warmup: 1,
      fn: async () => {
        using _ = await transport.sinkhorn(x, y, { epsilon, tolerance: 5e-7 * Math.sqrt(n) });
      },
    });
  }
}

for (const n of [1000, 4000]) {
  const [x, y] = [1, 2].map((seed) => gpu.tensor(uniform(2 * n, seed), { shape: [n, 2] }));
  Deno.bench({
    name: `exact, ${n} points`,
    group: "exact transport",
    n: 3,
    warmup: 1,
    fn: async () => {
      using _ = await transport.exact(x, y);
    },
  });
  Deno.bench({
    name: `sliced, ${n} points, 200 projections`,
    group: "exact transport",
    n: 5,
    warmup: 1,
    fn: async () => {
      using distance = await transport.slicedWasserstein(x, y, { projections: 200, seed: 1 });
      await distance.item();
    },
  });
}
