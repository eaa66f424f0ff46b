import { assertEquals, assertThrows } from "@std/assert";
import type { Tensor } from "../../mod.ts";
import { type Place, placeOf, type Work } from "../../src/linalg/place.ts";
import { choleskyFactor } from "../../src/ops/factor_cholesky.ts";
import { luFactor } from "../../src/ops/factor_lu.ts";
import { triangularSolve } from "../../src/ops/factor_triangular.ts";
import { luWork } from "../../src/linalg/device/eliminate.ts";

/** What a device is asked for here. */
interface Machine {
  software?: boolean;
  backend?: "cpu" | "webgpu";
  f64?: boolean;
  lapack?: boolean;
  bindingBytes?: number;
}

/** A matrix that is nowhere: placing looks at where it would be. */
function matrix(n: number, machine: Machine = {}, { onHost = false, dtype = "f32", count = 1 } = {}): Tensor {
  const { software = false, backend = "webgpu", f64 = true, lapack = true, bindingBytes = 2 ** 31 } = machine;
  const shape = [count, n, n];
  return {
    shape,
    rank: 3,
    size: count * n * n,
    dtype,
    value: { shape, dtype, storage: { onHost } },
    device: {
      info: { name: "it", backend, software, threads: 16, probes: { f64 }, limits: { bindingBytes } },
      libraries: { lapack: lapack ? {} : undefined },
    },
  } as unknown as Tensor;
}

const place = (a: Tensor, on?: Place) => placeOf("lu", [a], luWork(a), { on });

Deno.test("small matrices are factored on the host, large ones and large stacks on a hardware adapter", () => {
  const sizes = [16, 64, 4096, 8192];
  assertEquals(sizes.map((n) => place(matrix(n, {}, { onHost: true }))).slice(0, 2), ["host", "host"]);
  assertEquals(sizes.slice(2).map((n) => place(matrix(n))), ["adapter", "adapter"]);
  assertEquals(place(matrix(16, {}, { count: 100_000 })), "adapter");
  // Once it pays, it does so for all larger ones.
  const places = Array.from({ length: 60 }, (_, k) => place(matrix(64 * (k + 1), {}, { onHost: true })));
  assertEquals(places.indexOf("adapter"), places.lastIndexOf("host") + 1);
});

Deno.test("a software adapter, the CPU device, empty matrices and large bindings leave factorizations on the host", () => {
  assertEquals(place(matrix(4096, { software: true })), "host");
  assertEquals(place(matrix(4096, { backend: "cpu" })), "host");
  assertEquals(place(matrix(4096, { f64: false }, { dtype: "f64" })), "host");
  assertEquals(place(matrix(4096, { bindingBytes: 2 ** 25 })), "host");
  assertEquals(place(matrix(0)), "host");
  assertEquals(place(matrix(0), "adapter"), "host");
});

Deno.test("a place that was asked for is taken, or refused in words", () => {
  assertEquals(place(matrix(4096), "host"), "host");
  assertEquals(place(matrix(2, { software: true }), "adapter"), "adapter");
  const refused = (a: Tensor, kind: ErrorConstructor) => assertThrows(() => place(a, "adapter"), kind).message;
  assertEquals(refused(matrix(2, { backend: "cpu" }), TypeError), "Cannot compute lu on an adapter: it has none");
  assertEquals(
    refused(matrix(2, { f64: false }, { dtype: "f64" }), TypeError),
    "Cannot compute lu of f64 on it: the adapter lacks it; use f32 or the host",
  );
  assertEquals(
    refused(matrix(4096, { bindingBytes: 2 ** 25 }), RangeError),
    "Cannot compute lu on it: 67108864 bytes in one array are over its 33554432",
  );
});

Deno.test("without a LAPACK adapters pay sooner", () => {
  const work = (n: number): Work => ({ flops: n ** 3, dispatches: n / 8, steps: n, largest: n * n });
  const first = (lapack: boolean) => {
    for (let n = 32;; n += 32) {
      const a = matrix(n, { lapack }, { onHost: true });
      if (placeOf("lu", [a], work(n), {}) === "adapter") return n;
    }
  };
  assertEquals(first(false) < first(true), true);
});

Deno.test("what cannot be factored is refused by the ops in words", () => {
  const of = (shape: number[], dtype: "f32" | "i32" = "f32") => ({ shape, dtype });
  const message = (run: () => unknown) => assertThrows(run, TypeError).message;
  assertEquals(
    message(() => choleskyFactor.contract({ a: of([2, 3]) }, {})),
    'Expected "a" to be square matrices [..., n, n], got the shape [2, 3]',
  );
  assertEquals(
    message(() => luFactor.contract({ a: of([3]) }, {})),
    'Expected "a" to be matrices [..., m, n], got the shape [3]',
  );
  assertEquals(
    message(() => luFactor.contract({ a: of([3, 3], "i32") }, {})),
    'Expected "a" to be matrices [..., m, n] of f32 or f64, got i32',
  );
  const use = { lower: true, transpose: false, unitDiagonal: false };
  assertEquals(
    message(() => triangularSolve.contract({ a: of([3, 3]), b: of([2, 1]) }, use)),
    "Cannot solve a f32 [3, 3] for b f32 [2, 1]: rows or element types differ",
  );
  assertEquals(
    message(() => triangularSolve.contract({ a: of([3, 3]), b: of([3, 1]), order: of([3]) }, use)),
    'Expected "order" to be i32 [3], got f32 [3]',
  );
});
