import { registerFamily } from "./deno_bench.ts";
import { pairwise } from "./families/pairwise.ts";

await registerFamily(pairwise);
