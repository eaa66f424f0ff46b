import { type Device, type DType, isFloat, openDevice } from "../device/mod.ts";
import { type Case, type HostArray, type HostInputs, hostTypes, type OpDefinition } from "../ops/define.ts";
import { run } from "../ops/run.ts";
import { type Operand, sizeOf } from "../ops/value.ts";
import { Tensor, tensorCalculus } from "../tensor/mod.ts";
import { compare } from "./assert_close.ts";
import { deviceInputs, generator, hostInputs, seedOf } from "./case_inputs.ts";

/** Elements per input whose derivative is compared with differences. */
const SAMPLES = 8;

/**
 * Checks an op's vector-Jacobian product in two ways, for every case that has a derivative: computed in f64 on the CPU device, against
 * central differences of the reference; and computed on `device`, against the f64 one. Throws an `Error` that lists every failure,
 * or a `TypeError` if the op has no gradient or no case to check it with.
 */
export async function checkGrad<P>(device: Device, op: OpDefinition<P>): Promise<void> {
  if (!op.vjp) throw new TypeError(`Op "${op.name}" has no vector-Jacobian product`);
  const failures: string[] = [];
  let checked = 0;
  const host = await openDevice({ backend: "cpu", tune: "off" });
  for (const testCase of op.cases) {
    if (testCase.gradient === false) continue;
    const floats = Object.values(testCase.inputs).flatMap((i) => typeof i === "number" ? [] : [i.dtype ?? "f32"])
      .filter(isFloat);
    if (floats.includes("f64") && !device.info.probes.f64) continue;
    const u = Math.max(...floats.map((dtype) => dtype === "f64" ? 2 ** -53 : 2 ** -24));
    const inputs = hostInputs(testCase, seedOf(`${op.name} ${testCase.name}`));
    const outputs = evaluate(op, testCase, inputs);
    const random = generator(seedOf(`cotangent ${testCase.name}`));
    const cotangents = Object.fromEntries(
      Object.entries(outputs).map(([name, o]) => [name, o.data.map(() => Math.round(256 * (random() - 0.5)) / 64)]),
    );
    const exact = await gradients(host, op, testCase, inputs, cotangents, (d) => isFloat(d) ? "f64" : d);
    const found = await gradients(device, op, testCase, inputs, cotangents, (d) => d);
    for (const [name, gradient] of Object.entries(exact)) {
      checked++;
      const where = `${op.name}, ${testCase.name}, gradient of ${name}`;
      failures.push(
        ...differences(op, testCase, inputs, cotangents, name, gradient, random).map((f) => `${where}: ${f}`),
      );
      // Rounding of a composition of a few ops, each a sum over at most so many terms.
      const terms = Math.max(
        ...Object.values(inputs).map((v) => typeof v === "number" ? 1 : v.data.length),
        gradient.length,
      );
      const size = gradient.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      const result = compare(found[name] ?? [], gradient, { atol: 32 * (terms + 16) * u * size + 2 ** -100 });
      if (!result.ok) failures.push(`${where} on ${device.info.name}: ${result.message}`);
    }
    const missing = Object.keys(found).filter((name) => !(name in exact));
    if (missing.length) failures.push(`${op.name}, ${testCase.name}: gradients of ${missing} on one device only`);
  }
  host.close();
  if (checked === 0) throw new TypeError(`Op "${op.name}" has a gradient, but no case to check it with`);
  if (failures.length) throw new Error(`${failures.length} failures:\n${failures.join("\n")}`);
}

/** Gradients of Σ cotangent · output for every floating input, by the op's own product. */
async function gradients<P>(
  device: Device,
  op: OpDefinition<P>,
  testCase: Case<P>,
  host: HostInputs,
  cotangents: Readonly<Record<string, Float64Array>>,
  dtypeOf: (dtype: DType) => DType,
): Promise<Record<string, Float64Array>> {
  const inputs = deviceInputs(device, testCase, host, dtypeOf);
  const operands: Record<string, Operand> = Object.fromEntries(
    Object.entries(inputs).map(([n, v]) => [n, typeof v === "number" ? v : v.value]),
  );
  const outputs = Object.fromEntries(
    Object.entries(run(device, op, operands, testCase.params)).map(([n, v]) => [n, Tensor.from(v)]),
  );
  const seeds = Object.fromEntries(
    Object.entries(outputs).map(([n, o]) => [
      n,
      Tensor.of(
        device,
        o.dtype === "f64" ? cotangents[n] as Float64Array<ArrayBuffer> : Float32Array.from(cotangents[n]),
        o.shape,
        o.dtype === "f64" ? "f64" : "f32",
      ),
    ]),
  );
  const found = op.vjp!(tensorCalculus(device), { inputs, outputs, cotangents: seeds, params: testCase.params });
  const result: Record<string, Float64Array> = {};
  for (const [name, gradient] of Object.entries(found)) {
    const input = inputs[name];
    if (!gradient || typeof input === "number" || !isFloat(input.dtype)) continue;
    if (gradient.shape.join() !== input.shape.join()) {
      throw new Error(
        `${op.name}, ${testCase.name}: the gradient of ${name} has shape [${gradient.shape}], expected [${input.shape}]`,
      );
    }
    result[name] = Float64Array.from(await gradient.data());
  }
  return result;
}

function evaluate<P>(op: OpDefinition<P>, testCase: Case<P>, inputs: HostInputs): Record<string, HostArray> {
  const types = op.contract(hostTypes(inputs), testCase.params);
  const outputs = Object.fromEntries(
    Object.entries(types).map(([n, t]): [string, HostArray] => [n, { ...t, data: new Float64Array(sizeOf(t.shape)) }]),
  );
  op.reference(inputs, testCase.params, outputs);
  return outputs;
}

/** Compares some elements of a gradient with central differences; the step's own error is seen by doubling it. */
function differences<P>(
  op: OpDefinition<P>,
  testCase: Case<P>,
  inputs: HostInputs,
  cotangents: Readonly<Record<string, Float64Array>>,
  name: string,
  gradient: Float64Array,
  random: () => number,
): string[] {
  const input = inputs[name] as HostArray, failures: string[] = [];
  let magnitude = 0;
  const loss = (at: number, value: number): number => {
    const data = input.data.slice();
    data[at] = value;
    const outputs = evaluate(op, testCase, { ...inputs, [name]: { ...input, data } });
    let sum = 0;
    magnitude = 0;
    for (const [id, { data: y }] of Object.entries(outputs)) {
      y.forEach((v, k) => {
        sum += cotangents[id][k] * v;
        magnitude += Math.abs(cotangents[id][k] * v);
      });
    }
    return sum;
  };
  const samples = new Set<number>();
  for (let k = 0; k < Math.min(SAMPLES, gradient.length); k++) samples.add(Math.floor(random() * gradient.length));
  for (const at of samples) {
    const x = input.data[at], h = 1e-4 * Math.max(1, Math.abs(x));
    const slope = (step: number) => (loss(at, x + step) - loss(at, x - step)) / (2 * step);
    const near = slope(h), far = slope(2 * h);
    // Richardson: the error of the first is a third of the difference, to leading order.
    const best = near + (near - far) / 3;
    const bound = Math.abs(near - far) + 2 ** -48 * magnitude / h + 1e-9 * Math.abs(best);
    if (!(Math.abs(gradient[at] - best) <= bound)) {
      failures.push(`element ${at}: got ${gradient[at]}, differences give ${best} ± ${bound.toExponential(1)}`);
    }
  }
  return failures;
}
