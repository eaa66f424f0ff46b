import { registerFamily } from "./deno_bench.ts";
import { index } from "./families/index.ts";

await registerFamily(index);
