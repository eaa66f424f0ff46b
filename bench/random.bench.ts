import { registerFamily } from "./deno_bench.ts";
import { random } from "./families/random.ts";

await registerFamily(random);
