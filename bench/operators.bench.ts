import { registerFamily } from "./deno_bench.ts";
import { operators } from "./families/operators.ts";

await registerFamily(operators);
