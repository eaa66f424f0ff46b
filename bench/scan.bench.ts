import { registerFamily } from "./deno_bench.ts";
import { scan } from "./families/scan.ts";

await registerFamily(scan);
