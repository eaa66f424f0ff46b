/**
 * The Jupyter messaging protocol 5.3: messages as signed ZeroMQ frames.
 * Specification: https://jupyter-client.readthedocs.io/en/stable/messaging.html
 */
import { concatenate } from "./zmtp.ts";

/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/** A message from the kernel. */
export interface Message {
  type: string;
  /** The id of the request that the kernel says it belongs to. */
  parent: string | undefined;
  content: JsonObject;
}

/** Signs and packs messages of one session, unpacks and checks those that come back. */
export interface Wire {
  /** Packs a message; `id` is what the answers will carry as their parent. */
  encode(type: string, content: JsonObject): Promise<{ id: string; frames: Uint8Array[] }>;
  /** Unpacks a message, or gives null if it is not one or its signature is wrong. */
  decode(frames: readonly Uint8Array[]): Promise<Message | null>;
}

const DELIMITER = "<IDS|MSG>";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A wire whose messages are signed by HMAC-SHA256 with `key`. */
export async function createWire(key: string): Promise<Wire> {
  const session = crypto.randomUUID();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const hmac = await crypto.subtle.importKey("raw", encoder.encode(key), algorithm, false, ["sign", "verify"]);
  return {
    async encode(type, content) {
      const id = crypto.randomUUID();
      const date = new Date().toISOString();
      const header = { msg_id: id, msg_type: type, session, username: "denovo", date, version: "5.3" };
      const parts = [header, {}, {}, content].map((part) => encoder.encode(JSON.stringify(part)));
      const signature = new Uint8Array(await crypto.subtle.sign("HMAC", hmac, concatenate(parts)));
      return { id, frames: [encoder.encode(DELIMITER), encoder.encode(signature.toHex()), ...parts] };
    },
    async decode(frames) {
      const at = frames.findIndex((frame) => frame.length === DELIMITER.length && decoder.decode(frame) === DELIMITER);
      const parts = frames.slice(at + 2, at + 6);
      if (at < 0 || parts.length < 4) return null;
      const signature = fromHex(decoder.decode(frames[at + 1]));
      if (!signature || !await crypto.subtle.verify("HMAC", hmac, signature, concatenate(parts))) return null;
      const [header, parent, , content] = parts.map((part) => JSON.parse(decoder.decode(part)));
      return { type: header.msg_type, parent: parent.msg_id, content };
    },
  };
}

function fromHex(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.fromHex(text);
  } catch {
    return null;
  }
}
