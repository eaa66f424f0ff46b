import { registerFamily } from "./deno_bench.ts";
import { double } from "./families/double.ts";

await registerFamily(double);
