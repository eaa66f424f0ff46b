import { registerFamily } from "./deno_bench.ts";
import { matmul } from "./families/matmul.ts";

await registerFamily(matmul);
