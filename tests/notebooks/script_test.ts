import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Claim, claim, display, interruptSignal, progress, setup } from "../../src/notebook/mod.ts";
import { captureLog } from "./helpers.ts";

const good: Claim = { paper: "sinkhorn-flow", says: "linear convergence", measured: "rate 0.41 per step", holds: true };

Deno.test("in a script a claim is printed", async () => {
  assertEquals(await captureLog(() => claim({ ...good, device: "a GPU" })), [
    "✓ holds: sinkhorn-flow\n  Paper: linear convergence\n  Here: rate 0.41 per step\n  Device: a GPU",
  ]);
  assertEquals(
    (await captureLog(() => claim({ ...good, holds: false })))[0].split("\n")[0],
    "✗ does not hold: sinkhorn-flow",
  );
});

Deno.test("a claim with a bad field is refused", async () => {
  const bad: [Record<string, unknown>, string][] = [
    [{ paper: "Sinkhorn Flow" }, "The claim's paper must be a slug"],
    [{ paper: undefined }, "The claim's paper must be a text that is not empty, got undefined"],
    [{ says: " " }, "The claim's says must be a text that is not empty"],
    [{ measured: 0.41 }, "The claim's measured must be a text that is not empty, got 0.41"],
    [{ holds: "yes" }, 'The claim\'s holds must be true, false or "partly", got "yes"'],
    [{ holds: undefined }, "The claim's holds must be"],
    [{ device: 5 }, "The claim's device must be a text"],
    [{ note: "" }, "The claim's note must be a text"],
  ];
  for (const [field, words] of bad) {
    await assertRejects(() => claim({ ...good, ...field } as unknown as Claim), TypeError, words);
  }
  await assertRejects(() => claim(null as unknown as Claim), TypeError, "A claim must be an object");
});

Deno.test("in a script a display is the value's text", async () => {
  const chart = {
    [Symbol.for("Jupyter.display")]: () => Promise.resolve({ "text/plain": "[chart]", "text/html": "<svg>" }),
  };
  const silent = { [Symbol.for("Jupyter.display")]: () => undefined, a: 1 };
  const lines = await captureLog(async () => {
    await display(chart);
    await display({ a: [1, 2] });
    await display("as it is");
    await display(null);
    await display(silent, { id: "x", update: true });
  });
  assertEquals(lines.slice(0, 4), ["[chart]", "{ a: [ 1, 2 ] }", "as it is", "null"]);
  assertEquals(lines[4].includes("a: 1"), true);
});

Deno.test("an update of a display needs its id", async () => {
  await assertRejects(() => display(1, { update: true }), TypeError, "Cannot update a display without its id");
});

Deno.test("a report of progress refuses a total that is no positive number", () => {
  for (const total of [0, -1, NaN, Infinity]) {
    assertThrows(() => progress("x", total), RangeError, `The total must be a positive number, got ${total}`);
  }
});

Deno.test("progress is silent when the output goes to another program, and in place on a terminal", async () => {
  const script = `import { progress } from "${new URL("../../src/notebook/mod.ts", import.meta.url)}";
    if (Deno.args[0] === "terminal") {
      Deno.stderr.isTerminal = () => true;
      Deno.consoleSize = () => ({ columns: 40, rows: 10 });
    }
    const bar = progress("Work", 4);
    for (let i = 1; i <= 4; i++) bar.update(i, "a note that is too long for this terminal");
    bar.done("done");
    bar.done("twice");
    console.log("end");`;
  const stderr = async (...args: string[]) => {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--ext=ts", "-", ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    });
    const child = command.spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    const output = await child.output();
    assertEquals(new TextDecoder().decode(output.stdout), "end\n");
    return new TextDecoder().decode(output.stderr);
  };
  assertEquals(await stderr(), "");
  const drawn = (await stderr("terminal")).split("\r\x1b[K");
  assertEquals(drawn[1], "Work: ░░░░░░░░░░░░░░░░░░░░░░░░ 0% 0/4, ");
  assertEquals(drawn.at(-1)?.replace(/\d\.\d/, "0.0"), "Work: 100% 4/4, 0.0 s, done\n");
});

Deno.test("in a script setup does nothing and the interrupt signal is never aborted", () => {
  setup();
  assertEquals(interruptSignal().aborted, false);
  assertEquals(interruptSignal(), interruptSignal());
});
