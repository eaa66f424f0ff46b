import { type Claim, CLAIM_TYPE } from "./claim.ts";
import { joinText, type MediaBundle, type MultilineText, type Notebook } from "./nbformat.ts";

/** The MIME type under which a displayed device tells its name. */
export const DEVICE_TYPE = "application/vnd.denovo.device+json";

/** The device that a notebook ran on, as it displayed it. */
export interface DeviceRecord {
  /** Such as `"NVIDIA H200"`. */
  name: string;
  /** Such as `"webgpu"` or `"cpu"`. */
  backend: string;
}

/** A picture among the outputs of a notebook. */
export interface Figure {
  /** The bytes of the PNG file. */
  png: Uint8Array<ArrayBuffer>;
  /** The title of the chart, if the output holds its specification and that has one. */
  title?: string;
}

/** The bundles that a notebook's cells displayed or resulted in, from the first to the last. */
function bundles(notebook: Notebook): MediaBundle[] {
  return notebook.cells.flatMap((cell) => cell.cell_type === "code" ? cell.outputs : [])
    .flatMap((output) => "data" in output ? [output.data] : []);
}

/** The claims that a notebook's outputs hold, in order. */
export function claimsOf(notebook: Notebook): Claim[] {
  return bundles(notebook).flatMap((bundle) => CLAIM_TYPE in bundle ? [bundle[CLAIM_TYPE] as Claim] : []);
}

/** The devices that a notebook displayed, in order and each once. */
export function devicesOf(notebook: Notebook): DeviceRecord[] {
  const found = new Map<string, DeviceRecord>();
  for (const bundle of bundles(notebook)) {
    const device = bundle[DEVICE_TYPE] as DeviceRecord | undefined;
    if (typeof device?.name === "string") found.set(`${device.name}/${device.backend}`, device);
  }
  return [...found.values()];
}

/** The PNG figures of a notebook, in order. */
export function figuresOf(notebook: Notebook): Figure[] {
  return bundles(notebook).flatMap((bundle) => {
    const image = bundle["image/png"];
    if (image === undefined) return [];
    const png = Uint8Array.fromBase64(joinText(image as MultilineText));
    const title = titleOf(bundle);
    return [title === undefined ? { png } : { png, title }];
  });
}

/** The title of a vega-lite chart: a string, lines of it, or the `text` of an object. */
function titleOf(bundle: MediaBundle): string | undefined {
  const mime = Object.keys(bundle).find((mime) => /^application\/vnd\.vegalite\.v\d+\+json$/.test(mime));
  let title = mime && (bundle[mime] as { title?: unknown } | null)?.title;
  if (typeof title === "object" && title !== null && "text" in title) title = title.text;
  if (Array.isArray(title)) title = title.join(" ");
  return typeof title === "string" && title !== "" ? title : undefined;
}
