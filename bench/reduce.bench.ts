import { registerFamily } from "./deno_bench.ts";
import { reduce } from "./families/reduce.ts";

await registerFamily(reduce);
