import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DisposedError, type DType } from "../../../src/device/mod.ts";
import { type Gpu, open, type Tensor } from "../../../src/tensor/mod.ts";

/** What cells that no compiler has seen may pass. */
// deno-lint-ignore no-explicit-any
const wrong = (value: unknown): any => value;

// deno-lint-ignore no-explicit-any
type Refusal = [call: () => unknown, kind: new (...args: any[]) => Error, message: string];

/** Runs on the CPU device: what is refused does not depend on the device, and it is there on every machine. */
function refuses(name: string, refusals: (gpu: Gpu, x: Tensor) => Refusal[]): void {
  Deno.test(name, async () => {
    await using gpu = await open({ backend: "cpu" });
    for (const [call, kind, message] of refusals(gpu, gpu.ones([2, 3]))) {
      const error = assertThrows(call, kind);
      assertEquals(error.message.split("\n")[0], message);
    }
  });
}

refuses("shapes that do not broadcast are refused with the operands' names and shapes", (gpu, x) => [
  [
    () => x.add(gpu.ones([4])),
    TypeError,
    "Cannot broadcast x [2, 3], y [4]: sizes 3 and 4 of axis -1 differ",
  ],
  [
    () => gpu.map("a * b + c", { a: x, b: gpu.ones([5, 3, 2, 1]), c: gpu.ones([4, 1, 1]) }),
    TypeError,
    "Cannot broadcast a [2, 3], b [5, 3, 2, 1], c [4, 1, 1]: sizes 3 and 4 of axis -3 differ",
  ],
  [
    () => gpu.reduce("sum", "a * b", { a: x, b: gpu.ones([2]) }),
    TypeError,
    "Cannot broadcast a [2, 3], b [2]: sizes 3 and 2 of axis -1 differ",
  ],
  [() => x.broadcastTo([3, 3]), TypeError, "Cannot broadcast the shape [2, 3] to [3, 3]"],
  [() => x.broadcastTo([3]), TypeError, "Cannot broadcast the shape [2, 3] to [3]"],
]);

refuses("data that makes no tensor is refused", (gpu, x) => [
  [
    () => gpu.tensor([[1, 2], [3]]),
    TypeError,
    "Cannot make a tensor of ragged arrays: expected 2 elements along axis 1, got 1",
  ],
  [
    () => gpu.tensor([[1, 2], 3]),
    TypeError,
    "Cannot make a tensor of ragged arrays: expected 2 elements along axis 1, got a number",
  ],
  [
    () => gpu.tensor([1, [2]]),
    TypeError,
    "Cannot make a tensor of ragged arrays: nesting is deeper in some places than 1",
  ],
  [() => gpu.tensor(wrong(["a"])), TypeError, 'Expected numbers or booleans, got string "a"'],
  [() => gpu.tensor(wrong([null])), TypeError, "Expected numbers or booleans, got null"],
  [() => gpu.tensor(wrong(undefined)), TypeError, "Expected numbers or booleans, got undefined"],
  [() => gpu.tensor(wrong(new BigInt64Array(2))), TypeError, "Expected numbers, got a BigInt64Array"],
  [() => gpu.tensor(wrong(x)), TypeError, "Expected arrays or numbers, got a tensor"],
  [
    () => gpu.tensor([1, 2, 3], { shape: [2, 2] }),
    TypeError,
    "Cannot fill the shape [2, 2] (4 elements) with 3 numbers",
  ],
  [() => gpu.zeros([2, -1]), RangeError, "Expected whole, non-negative sizes, got the shape [2, -1]"],
  [() => gpu.zeros([1.5]), RangeError, "Expected whole, non-negative sizes, got the shape [1.5]"],
  [() => gpu.zeros(wrong(3)), TypeError, "Expected a shape like [3, 4], got 3"],
  [() => gpu.arange(0, 5, 0), RangeError, "Expected a step other than 0, got 0"],
  [() => gpu.arange(0, Infinity), RangeError, "Expected finite ends, got 0 and Infinity"],
  [() => gpu.arange(NaN), RangeError, "Expected finite ends, got 0 and NaN"],
  [() => gpu.linspace(0, 1, 2.5), RangeError, "Expected a whole, non-negative count, got 2.5"],
  [() => gpu.eye(-1), RangeError, "Expected whole, non-negative sizes, got the shape [-1, -1]"],
]);

refuses("an unknown dtype is refused wherever one is given", (gpu, x) => {
  const message = 'Expected a dtype (bool, u32, i32, f16, f32, f64), got "float32"', dtype = wrong("float32") as DType;
  return [
    [() => gpu.tensor([1], { dtype }), TypeError, message],
    [() => gpu.zeros([1], dtype), TypeError, message],
    [() => gpu.arange(0, 3, 1, dtype), TypeError, message],
    [() => x.astype(dtype), TypeError, message],
  ];
});

refuses("axes out of range are refused with the shape", (gpu, x) => [
  [() => x.sum(2), RangeError, "Expected an axis from -2 to 1 for the shape [2, 3], got 2"],
  [() => x.max([0, -3]), RangeError, "Expected an axis from -2 to 1 for the shape [2, 3], got -3"],
  [() => x.sum(0.5), RangeError, "Expected an axis from -2 to 1 for the shape [2, 3], got 0.5"],
  [() => x.sum([0, -2]), RangeError, "Expected each axis once, got [0, -2]"],
  [() => x.softmax(5), RangeError, "Expected an axis from -2 to 1 for the shape [2, 3], got 5"],
  [() => x.flip(2), RangeError, "Expected an axis from -2 to 1 for the shape [2, 3], got 2"],
  [() => x.expandDims(4), RangeError, "Expected an axis from -3 to 2 for the shape [2, 3], got 4"],
  [() => x.squeeze(1), TypeError, "Cannot squeeze axis 1 of size 3"],
  [() => x.transpose([0, 0]), RangeError, "Expected a permutation of the 2 axes of the shape [2, 3], got [0, 0]"],
  [() => x.transpose([0]), RangeError, "Expected a permutation of the 2 axes of the shape [2, 3], got [0]"],
  [() => gpu.ones([4]).T, TypeError, "Expected a matrix, got the shape [4]"],
  [() => gpu.ones([]).sum(0), RangeError, "Expected no axis for the shape [], got 0"],
]);

refuses("impossible reshapes and slices are refused", (_, x) => [
  [() => x.reshape([4, 2]), TypeError, "Cannot reshape [2, 3] (6 elements) to [4, 2]"],
  [() => x.reshape([4, -1]), TypeError, "Cannot reshape [2, 3] (6 elements) to [4, -1]"],
  [() => x.reshape([0, -1]), TypeError, "Cannot reshape [2, 3] (6 elements) to [0, -1]"],
  [() => x.reshape([-1, -1]), RangeError, "Expected at most one size of -1, got the shape [-1, -1]"],
  [() => x.reshape([-2, -3]), RangeError, "Expected whole, non-negative sizes, got the shape [-2, -3]"],
  [() => x.reshape(wrong(6)), TypeError, "Expected a shape like [3, 4], got 6"],
  [() => x.slice(5), RangeError, "Index 5 is out of range for axis 0 of the shape [2, 3]"],
  [() => x.slice(null, -4), RangeError, "Index -4 is out of range for axis 1 of the shape [2, 3]"],
  [() => x.at(2), RangeError, "Index 2 is out of range for axis 0 of the shape [2, 3]"],
  [() => x.slice(0, 0, 0), TypeError, "Cannot slice 3 axes of the shape [2, 3]"],
  [() => x.slice([null, null, 0]), RangeError, "Expected a whole step other than 0, got 0"],
  [() => x.slice([0.5]), RangeError, "Expected whole positions, got 0.5"],
]);

refuses("a formula's unknown and unused names are refused with a hint", (gpu, x) => [
  [() => gpu.map("a * epz", { a: x, eps: 1 }), SyntaxError, 'Unknown name "epz", did you mean "eps"?'],
  [() => gpu.map("expp(a)", { a: x }), SyntaxError, 'Unknown function "expp", did you mean "exp"?'],
  [() => gpu.map({ y: "a + b" }, { a: x }), SyntaxError, 'Unknown name "b"'],
  [() => gpu.reduce("sum", "alpha * x", { x }), SyntaxError, 'Unknown name "alpha"'],
  [() => gpu.map("a * 2", { a: x, b: x }), TypeError, 'The input "b" is not used by the formula'],
  [() => gpu.map({ m: "a", n: "a + 1" }, { a: x, b: x }), TypeError, 'The input "b" is not used by the formula'],
  [() => gpu.reduce("sum", "a", { a: x, b: 1 }), TypeError, 'The input "b" is not used by the formula'],
  [
    () => gpu.pairwise("sum", "dist(x[i], y[j])", { x, yy: x }),
    TypeError,
    'The input "yy" is not used by the formula, did you mean "y"?',
  ],
  [() => gpu.reduce(wrong("maxx"), "a", { a: x }), TypeError, 'Unknown reduction "maxx", did you mean "max"?'],
]);

Deno.test("a formula's error shows its place", async () => {
  await using gpu = await open({ backend: "cpu" });
  const error = assertThrows(() => gpu.map("a * epz + 1", { a: gpu.ones([1]), eps: 1 }), SyntaxError);
  assertEquals(error.message, 'Unknown name "epz", did you mean "eps"?\n  a * epz + 1\n      ^');
});

refuses("operands that are neither tensors nor numbers are refused by name", (gpu, x) => [
  [() => x.add(wrong("a")), TypeError, 'Expected "y" to be a tensor or a number, got string'],
  [() => x.clamp(wrong(null), 1), TypeError, 'Expected "low" to be a tensor or a number, got null'],
  [() => gpu.map("a + t", { a: x, t: wrong([1]) }), TypeError, 'Expected "t" to be a tensor or a number, got object'],
  [() => x.matmul(wrong(3)), TypeError, "Expected a tensor to multiply by, got number"],
  [
    () => gpu.tensor([1], { dtype: "u32" }).add(-1),
    RangeError,
    'Expected "y" to be from 0 to 4294967295 beside u32, got -1',
  ],
  [
    () => gpu.arange(3).less(3e9),
    RangeError,
    'Expected "y" to be from -2147483648 to 2147483647 beside i32, got 3000000000',
  ],
]);

refuses("reductions that have no value are refused", (gpu, x) => [
  [() => gpu.zeros([0]).max(), RangeError, "Cannot take the max of zero elements (shape [0], axes [0])"],
  [() => gpu.zeros([2, 0]).mean(1), RangeError, "Cannot take the mean of zero elements (shape [2, 0], axes [1])"],
  [() => gpu.zeros([1]).variance(0, { ddof: 1 }), RangeError, "Cannot take the variance of 1 elements with ddof 1"],
  [() => x.norm(null, { ord: 3 }), RangeError, 'Expected "ord" to be 1, 2 or Infinity, got 3'],
]);

refuses("joining tensors that do not fit is refused", (gpu, x) => [
  [() => gpu.stack([x, gpu.ones([4])]), TypeError, "Cannot stack shapes [2, 3] and [4]"],
  [() => gpu.concatenate([]), TypeError, "Expected at least one tensor to concatenate"],
  [() => x.take([0, -3]), RangeError, "Index -3 is out of range for axis 0 of the shape [2, 3]"],
]);

Deno.test("a disposed tensor is refused by every use, with its shape", async () => {
  await using gpu = await open({ backend: "cpu" });
  const message = "Cannot use a tensor of shape [2, 5] after it was disposed of";
  const x = gpu.ones([2, 5]), other = gpu.ones([5]);
  x.dispose();
  x.dispose();
  assertEquals(x.disposed, true);
  for (
    const use of [
      () => x.add(1),
      () => other.mul(x),
      () => x.sum(),
      () => x.reshape([10]),
      () => x.T,
      () => gpu.map("a", { a: x }),
    ]
  ) assertEquals(assertThrows(use, DisposedError).message, message);
  for (const read of [() => x.data(), () => x.array(), () => x.slice().item()]) {
    assertEquals((await assertRejects(async () => await read(), DisposedError)).message, message);
  }
  assertEquals(x.shape, [2, 5]);
  assertEquals(String(x), `Tensor [2, 5] f32 on ${gpu.info.name} (disposed)`);
  assertEquals(await other.array(), [1, 1, 1, 1, 1]);
});

Deno.test("item of more than one element is refused", async () => {
  await using gpu = await open({ backend: "cpu" });
  const error = await assertRejects(() => gpu.ones([2, 3]).item(), TypeError);
  assertEquals(error.message, "Expected one element, got the shape [2, 3]");
});

Deno.test("open refuses what it does not know", async () => {
  const cases: [object, new () => Error, string][] = [
    [{ backend: "cuda" }, TypeError, 'Expected "backend" to be one of "auto", "webgpu", "cpu", got "cuda"'],
    [{ tune: "yes" }, TypeError, 'Expected "tune" to be one of "on", "off", "refresh", got "yes"'],
    [
      { powerPreference: "max" },
      TypeError,
      'Expected "powerPreference" to be one of "high-performance", "low-power", got "max"',
    ],
    [{ memoryBudget: 0 }, RangeError, 'Expected "memoryBudget" to be positive, got 0'],
    [{ threads: 0 }, RangeError, 'Expected "threads" to be a whole number of at least 1, got 0'],
    [{ threads: 1.5 }, RangeError, 'Expected "threads" to be a whole number of at least 1, got 1.5'],
    [{ memoryBudget: NaN }, RangeError, 'Expected "memoryBudget" to be positive, got NaN'],
    [
      { backed: "cpu" },
      TypeError,
      'Expected "option" to be one of "backend", "powerPreference", "tune", "memoryBudget", "threads", got "backed"',
    ],
  ];
  for (const [options, kind, message] of cases) {
    assertEquals((await assertRejects(() => open(options), kind)).message, message);
  }
});

Deno.test("the environment's choice of a device is checked too, and yields to the program's", async () => {
  const before = Deno.env.get("DENOVO_BACKEND");
  try {
    Deno.env.set("DENOVO_BACKEND", "gpu");
    const error = await assertRejects(() => open(), TypeError);
    assertEquals(error.message, 'Expected "DENOVO_BACKEND" to be one of "auto", "webgpu", "cpu", got "gpu"');
    Deno.env.set("DENOVO_BACKEND", "cpu");
    using auto = await open();
    assertEquals([auto.info.backend, auto.info.reason], ["cpu", "asked for by DENOVO_BACKEND=cpu"]);
    Deno.env.set("DENOVO_BACKEND", "webgpu");
    using asked = await open({ backend: "cpu" });
    assertEquals([asked.info.backend, asked.info.reason], ["cpu", 'asked for by backend: "cpu"']);
  } finally {
    if (before === undefined) Deno.env.delete("DENOVO_BACKEND");
    else Deno.env.set("DENOVO_BACKEND", before);
  }
});
