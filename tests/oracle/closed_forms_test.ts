import { assert, assertEquals } from "@std/assert";
import {
  maxSlicedWasserstein,
  slicedWasserstein,
  wasserstein1d,
  wassersteinCircle,
} from "../../src/methods/transport/mod.ts";
import { onEachDevice } from "../gpu/devices.ts";
import { load } from "./fixtures.ts";

/** Unit roundoff of f32. */
const U = 2 ** -24;

/**
 * Costs of sums over n + m parts: masses that are differences of sums are off by (n + m) u in all, a difference of points by 2u of the largest, which
 * the power multiplies by p.
 */
function bound(count: number, p: number, largest: number): number {
  return U * (4 * count + 4 * p) * largest ** p;
}

onEachDevice("transport on a line agrees with POT and SciPy", async (gpu) => {
  for (const { name, x, y, a, b, p, cost } of load("wasserstein_1d").cases) {
    const largest = Math.max(...x, ...y) - Math.min(...x, ...y), most = bound(x.length + y.length, p, largest);
    using u = gpu.tensor(x);
    using v = gpu.tensor(y);
    const values = [await wasserstein1d(u, v, { a, b, p })];
    const equal = (w: number[]) => w.every((s) => s === w[0]);
    if (equal(a) && equal(b)) values.push(await wasserstein1d(u, v, { p }));
    for (const value of values) {
      const found = await value.item();
      assert(Math.abs(found - cost) <= most, `${name}: got ${found}, expected ${cost} ± ${most}`);
    }
  }
});

onEachDevice("transport on a circle agrees with POT's network simplex over geodesic distances", async (gpu) => {
  for (const { name, x, y, a, b, p, cost } of load("wasserstein_circle").cases) {
    using u = gpu.tensor(x);
    using v = gpu.tensor(y);
    using result = await wassersteinCircle(u, v, { a, b, p });
    assert(result.converged && Math.abs(result.cost - cost) <= 1e-14, `${name}: got ${result.cost}, expected ${cost}`);
    const most = bound(x.length + y.length, p, 1), value = await result.value.item();
    assert(Math.abs(value - cost) <= most, `${name}: value ${value}, expected ${cost} ± ${most}`);
    // The plan is one: its marginals are the weights, and it costs that much.
    const P: number[][] = await result.plan.toDense().array();
    let total = 0;
    P.forEach((row, i) => {
      assert(Math.abs(row.reduce((s, w) => s + w, 0) - a[i]) <= 32 * U, name);
      row.forEach((w, j) => {
        const far = Math.abs(x[i] - y[j]);
        total += w * Math.min(far, 1 - far) ** p;
      });
    });
    b.forEach((w, j) => assert(Math.abs(P.reduce((s, row) => s + row[j], 0) - w) <= 32 * U, name));
    assert(Math.abs(total - cost) <= most, `${name}: the plan costs ${total}`);
    // Whole turns change nothing.
    using further = u.sub(3);
    using again = await wassersteinCircle(further, v, { a, b, p });
    assert(Math.abs(again.cost - cost) <= 1e-14 && Math.abs(await again.value.item() - cost) <= 4 * most, name);
  }
});

onEachDevice("sliced distances agree with POT on given directions", async (gpu) => {
  for (const { name, x, y, a, b, p, projections, sliced, largest } of load("sliced_wasserstein").cases) {
    using u = gpu.tensor(x);
    using v = gpu.tensor(y);
    using t = gpu.tensor(projections);
    const size = Math.max(...[...x, ...y].map((q) => Math.hypot(...q))), d = x[0].length;
    // Projections are sums of d products; the root divides a relative error by p.
    const relative = (count: number, of: number) =>
      (bound(count, p, 2 * size) + p * 2 * d * U * (2 * size) ** p) / (p * of ** p);
    const found = await (await slicedWasserstein(u, v, { a, b, p, projections: t })).item();
    const most = relative(x.length + y.length, sliced) * sliced + 8 * U * sliced;
    assert(Math.abs(found - sliced) <= most, `${name}: got ${found}, expected ${sliced} ± ${most}`);
    using best = await maxSlicedWasserstein(u, v, { a, b, p, seed: 1 });
    assert(best.converged, name);
    assert(
      best.distance >= largest * (1 - relative(x.length + y.length, largest)),
      `${name}: ${best.distance} < ${largest}`,
    );
    assertEquals(best.direction.shape, [d]);
  }
});
