/**
 * Data for examples and notebooks: {@linkcode vegaDataset} reads small real data sets, {@linkcode parseCsv} reads CSV text.
 *
 * @example
 * ```ts
 * import { data } from "@denovo/denovo";
 * const rows = data.parseCsv("x,y\n1,2\n");
 * ```
 *
 * @module
 */
export { parseCsv, vegaDataset } from "./vega_datasets.ts";
