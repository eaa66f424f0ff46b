/**
 * A data set of the `vega-datasets` package, read from the installed package (nothing is fetched): rows of a `.json` or `.csv` file,
 * or the object that a `.json` file holds. Each file has its own licence, in the package's `datapackage.json`.
 *
 * @typeParam T What the file holds; taken at its word.
 * @param file Name like `earthquakes.json` or `airports.csv`.
 * @throws {TypeError} if the package has no such file, or it is neither JSON nor CSV.
 *
 * @example
 * ```ts
 * import { data } from "@denovo/denovo";
 * const airports = await data.vegaDataset<{ iata: string; latitude: number }[]>("airports.csv");
 * ```
 */
export async function vegaDataset<T = Record<string, unknown>[]>(file: string): Promise<T> {
  if (!/^[\w.-]+\.(json|csv)$/.test(file)) {
    throw new TypeError(`Expected a .json or .csv file of vega-datasets, got ${JSON.stringify(file)}`);
  }
  // A bare import makes sure that the package is installed; its own loader would fetch from the network.
  await import("vega-datasets");
  const url = new URL(`../data/${file}`, import.meta.resolve("vega-datasets"));
  let text: string;
  try {
    text = await Deno.readTextFile(url);
  } catch {
    throw new TypeError(`The package vega-datasets has no file "${file}"`);
  }
  return (file.endsWith(".csv") ? parseCsv(text) : JSON.parse(text)) as T;
}

/**
 * Rows of CSV text with a header line, by column name. Numbers become numbers and empty fields `null`; quoted fields may hold commas,
 * doubled quotes and line breaks (RFC 4180).
 *
 * @example
 * ```ts
 * import { data } from "@denovo/denovo";
 * data.parseCsv("name,x\n\"a, b\",1.5\n"); // [{ name: "a, b", x: 1.5 }]
 * ```
 */
export function parseCsv(text: string): Record<string, unknown>[] {
  const [header = [], ...rows] = records(text.replace(/^\uFEFF/, ""));
  return rows.map((row, k) => {
    if (row.length !== header.length) {
      throw new TypeError(`Expected ${header.length} fields in row ${k + 1} of the CSV, got ${row.length}`);
    }
    return Object.fromEntries(row.map((field, c) => [header[c], convert(field)]));
  });
}

function convert(field: string): string | number | null {
  if (field === "") return null;
  // "007" and "1e" stay text: only what prints as a plain number is one.
  return /^-?(0|[1-9]\d*)?(\.\d+)?([eE][+-]?\d+)?$/.test(field) && field !== "-" ? Number(field) : field;
}

function records(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [], field = "", quoted = false, at = 0;
  const endField = () => {
    row.push(field);
    field = "";
  };
  const endRow = () => {
    endField();
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  };
  for (; at < text.length; at++) {
    const c = text[at];
    if (quoted) {
      if (c !== '"') field += c;
      else if (text[at + 1] === '"') field += text[++at];
      else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ",") endField();
    else if (c === "\n") endRow();
    else if (c !== "\r") field += c;
  }
  if (quoted) throw new TypeError("The CSV ends inside a quoted field");
  if (field !== "" || row.length) endRow();
  return rows;
}
