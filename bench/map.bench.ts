import { registerFamily } from "./deno_bench.ts";
import { map } from "./families/map.ts";

await registerFamily(map);
