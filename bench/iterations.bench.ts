import { registerFamily } from "./deno_bench.ts";
import { iterations } from "./families/iterations.ts";

await registerFamily(iterations);
