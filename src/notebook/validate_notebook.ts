import { isJsonType } from "./nbformat.ts";

/** What a field breaks, in words that follow its name. */
type Rule = (value: unknown) => string | undefined;

/** The fields of one kind of cell or output. */
interface Kind {
  required: Record<string, Rule>;
  optional?: Record<string, Rule>;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown) =>
  typeof value === "string" || (Array.isArray(value) && value.every((line) => typeof line === "string"));

const string = (value: unknown) => typeof value === "string" ? undefined : "must be a string";
const object = (value: unknown) => isObject(value) ? undefined : "must be an object";
const array = (value: unknown) => Array.isArray(value) ? undefined : "must be an array";
const text = (value: unknown) => isText(value) ? undefined : "must be a string or an array of strings";
const strings = (value: unknown) => Array.isArray(value) && isText(value) ? undefined : "must be an array of strings";
const count = (value: unknown) =>
  value === null || (Number.isInteger(value) && value as number >= 0) ? undefined : "must be a natural number or null";

function bundle(value: unknown): string | undefined {
  if (!isObject(value)) return "must be an object";
  const bad = Object.keys(value).find((mime) => !isJsonType(mime) && !isText(value[mime]));
  return bad === undefined ? undefined : `must hold a string or an array of strings under "${bad}"`;
}

function attachments(value: unknown): string | undefined {
  if (!isObject(value)) return "must be an object";
  return Object.values(value).map(bundle).find((problem) => problem !== undefined);
}

function id(value: unknown): string | undefined {
  const good = typeof value === "string" && /^[a-zA-Z0-9_-]{1,64}$/.test(value);
  return good ? undefined : "must be 1 to 64 letters, digits, hyphens and underscores";
}

function cellMetadata(value: unknown): string | undefined {
  if (!isObject(value)) return "must be an object";
  const { tags, name, collapsed, scrolled } = value;
  if (tags !== undefined) {
    const good = Array.isArray(tags) && tags.every((tag) => typeof tag === "string" && /^[^,]+$/.test(tag));
    if (!good || new Set(tags).size < tags.length) return "must have unique strings without commas as tags";
  }
  if (name !== undefined && (typeof name !== "string" || name === "")) return "must have a string as name";
  if (collapsed !== undefined && typeof collapsed !== "boolean") return "must have a boolean as collapsed";
  if (scrolled !== undefined && typeof scrolled !== "boolean" && scrolled !== "auto") {
    return 'must have a boolean or "auto" as scrolled';
  }
}

function notebookMetadata(value: unknown): string | undefined {
  if (!isObject(value)) return "must be an object";
  const { kernelspec, language_info } = value;
  if (kernelspec !== undefined) {
    const good = isObject(kernelspec) && typeof kernelspec.name === "string" &&
      typeof kernelspec.display_name === "string";
    if (!good) return "must name the kernel in kernelspec.name and kernelspec.display_name";
  }
  if (language_info !== undefined && !(isObject(language_info) && typeof language_info.name === "string")) {
    return "must name the language in language_info.name";
  }
}

const OUTPUTS: Record<string, Kind> = {
  stream: { required: { name: string, text } },
  display_data: { required: { data: bundle, metadata: object } },
  execute_result: { required: { data: bundle, metadata: object, execution_count: count } },
  error: { required: { ename: string, evalue: string, traceback: strings } },
};

const TEXT: Kind = { required: { id, metadata: cellMetadata, source: text }, optional: { attachments } };
const CODE: Kind = {
  required: { id, metadata: cellMetadata, source: text, execution_count: count, outputs: array },
};
const CELLS: Record<string, Kind> = { code: CODE, markdown: TEXT, raw: TEXT };

/** The rules that `value`, called `where`, breaks; its field `tag` names its kind among `kinds`. */
function check(value: unknown, where: string, tag: string, kinds: Record<string, Kind>): string[] {
  if (!isObject(value)) return [`${where} must be an object`];
  const name = String(value[tag]);
  if (!Object.hasOwn(kinds, name)) {
    return [`${where} has the ${tag} "${name}", expected one of ${Object.keys(kinds).join(", ")}`];
  }
  const { required, optional = {} } = kinds[name];
  const problems: string[] = [];
  for (const field of Object.keys(required)) {
    if (!Object.hasOwn(value, field)) problems.push(`${where}.${field} is missing`);
  }
  for (const [field, item] of Object.entries(value)) {
    if (field === tag) continue;
    const rule = required[field] ?? optional[field] ?? (() => "is unknown");
    const problem = rule(item);
    if (problem) problems.push(`${where}.${field} ${problem}`);
  }
  return problems;
}

/**
 * What keeps a value from being a notebook of the format 4.5, in words; an empty list if nothing does. The rules are
 * those of the format's JSON schema, and that cell ids are unique.
 */
export function validateNotebook(value: unknown): string[] {
  if (!isObject(value)) return ["A notebook must be an object"];
  const problems: string[] = [];
  if (value.nbformat !== 4) problems.push("nbformat must be 4");
  if (!(Number.isInteger(value.nbformat_minor) && value.nbformat_minor as number >= 5)) {
    problems.push("nbformat_minor must be a whole number of at least 5");
  }
  const metadata = notebookMetadata(value.metadata);
  if (metadata) problems.push(`metadata ${metadata}`);
  for (const key of Object.keys(value)) {
    if (!["nbformat", "nbformat_minor", "metadata", "cells"].includes(key)) problems.push(`${key} is unknown`);
  }
  if (!Array.isArray(value.cells)) return [...problems, "cells must be an array"];
  const ids = new Set<unknown>();
  value.cells.forEach((cell, i) => {
    problems.push(...check(cell, `cells[${i}]`, "cell_type", CELLS));
    if (!isObject(cell)) return;
    if (ids.has(cell.id)) problems.push(`cells[${i}].id repeats "${cell.id}"`);
    ids.add(cell.id);
    if (!Array.isArray(cell.outputs)) return;
    cell.outputs.forEach((output, k) =>
      problems.push(...check(output, `cells[${i}].outputs[${k}]`, "output_type", OUTPUTS))
    );
  });
  return problems;
}
