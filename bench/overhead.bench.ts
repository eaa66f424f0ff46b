import { registerFamily } from "./deno_bench.ts";
import { overhead } from "./families/overhead.ts";

await registerFamily(overhead);
