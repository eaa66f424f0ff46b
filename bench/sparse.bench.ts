import { registerFamily } from "./deno_bench.ts";
import { sparse } from "./families/sparse.ts";

await registerFamily(sparse);
