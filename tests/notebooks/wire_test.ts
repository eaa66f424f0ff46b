import { createHmac } from "node:crypto";
import { assertEquals, assertNotEquals } from "@std/assert";
import { createWire } from "../../src/notebook/wire.ts";

const decode = (frame: Uint8Array) => new TextDecoder().decode(frame);
const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("a request is delimiter, signature, header, parent, metadata and content", async () => {
  const wire = await createWire("the key");
  const { id, frames } = await wire.encode("kernel_info_request", { a: 1 });
  const [delimiter, signature, ...parts] = frames.map(decode);
  assertEquals(delimiter, "<IDS|MSG>");
  assertEquals(signature, createHmac("sha256", "the key").update(parts.join("")).digest("hex"));
  const header = JSON.parse(parts[0]);
  assertEquals([header.msg_id, header.msg_type, header.version], [id, "kernel_info_request", "5.3"]);
  assertEquals(parts.slice(1), ["{}", "{}", '{"a":1}']);
  assertNotEquals((await wire.encode("kernel_info_request", {})).id, id);
});

Deno.test("a signed answer is read, whatever identities come before it and buffers after it", async () => {
  const wire = await createWire("the key");
  const parts = ['{"msg_type":"status"}', '{"msg_id":"7"}', "{}", '{"execution_state":"idle","text":"ü"}'];
  const signature = createHmac("sha256", "the key").update(parts.join("")).digest("hex");
  const frames = ["<IDS|MSG>", signature, ...parts].map(encode);
  const message = { type: "status", parent: "7", content: { execution_state: "idle", text: "ü" } };
  assertEquals(await wire.decode(frames), message);
  assertEquals(await wire.decode([Uint8Array.of(0, 255), ...frames, Uint8Array.of(1)]), message);
});

Deno.test("a message with a wrong signature, or that is none, is dropped", async () => {
  const { frames } = await (await createWire("another key")).encode("status", {});
  const wire = await createWire("the key");
  assertEquals(await wire.decode(frames), null);
  const { frames: own } = await wire.encode("status", { a: 1 });
  assertNotEquals(await wire.decode(own), null);
  assertEquals(await wire.decode([...own.slice(0, 5), encode('{"a":2}')]), null);
  assertEquals(await wire.decode([own[0], encode("no hex"), ...own.slice(2)]), null);
  assertEquals(await wire.decode(own.slice(0, 4)), null);
  assertEquals(await wire.decode([]), null);
});
