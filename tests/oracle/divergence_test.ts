import { assert, assertAlmostEquals } from "@std/assert";
import { sinkhornDivergence } from "../../src/methods/transport/mod.ts";
import { onEachDevice } from "../gpu/devices.ts";
import { load } from "./fixtures.ts";

onEachDevice("Sinkhorn divergences agree with POT's plans and costs", async (gpu) => {
  for (const { name, x, y, a, b, epsilon, divergence, costs } of load("sinkhorn_divergence").cases) {
    using result = await sinkhornDivergence(gpu.tensor(x), gpu.tensor(y), {
      a,
      b,
      epsilon,
      epsilonScale: "absolute",
      tolerance: 1e-6,
    });
    assert(result.converged, name);
    assertAlmostEquals(result.divergence, divergence, 2e-5 * (1 + divergence), name);
    assertAlmostEquals(await result.value.item(), divergence, 2e-5 * (1 + divergence), name);
    assertAlmostEquals(result.costs, costs, 1e-4 * (1 + costs), name);
  }
});
