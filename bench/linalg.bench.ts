import { registerFamily } from "./deno_bench.ts";
import { linalg } from "./families/linalg.ts";

await registerFamily(linalg);
