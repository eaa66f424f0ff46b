/**
 * PyTorch, in a Python process of its own: cuBLAS and the like where there is CUDA, else the CPU.
 *
 * @module
 */
import type { Operations, Peer } from "./peer.ts";
import { pythonOperations } from "./python_operations.ts";
import { type Precision, pythonProcess } from "./python_process.ts";

const python = pythonProcess("./torch_peers.py", ["torch", "numpy"], "install torch for its figures");
let name = "torch";
const operations = (dtype: Precision): Operations => ({
  ...pythonOperations(python, () => name, dtype),
  // It has neither of these on CSR matrices everywhere.
  csrTranspose: undefined,
  sampledMatmul: undefined,
});

/** The PyTorch peer; once it is available its name says where it computes: `torch cuda` or `torch cpu`. */
export const torch: Peer = {
  get name() {
    return name;
  },
  async available() {
    const found = await python.start();
    if (typeof found === "string") return found;
    name = `torch ${found.device}`;
    return true;
  },
  async versions(): Promise<Record<string, string>> {
    const found = await python.start();
    return typeof found === "string" ? {} : { torch: found.torch };
  },
  ...operations("f4"),
  double: operations("f8"),
  // On the CPU it has no product of halves.
  get half() {
    return name === "torch cuda" ? operations("f2") : undefined;
  },
  close: () => python.close(),
};
