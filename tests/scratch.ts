import { open, operators, Tensor } from "../mod.ts";
import { cg } from "../src/linalg/iterative/cg.ts";
import { minres } from "../src/linalg/iterative/minres.ts";
import { gmres } from "../src/linalg/iterative/gmres.ts";
import { lsmr } from "../src/linalg/iterative/lsmr.ts";
for (const backend of ["cpu","webgpu"] as const) {
await using gpu = await open({backend, tune:"off"});
const live0 = gpu.memory().live;
for (const dtype of (backend==="cpu"?["f32","f64"]:["f32"]) as ("f32"|"f64")[]) {
await gpu.scope(async () => {
const n=50;
const g = gpu.random.normal([n,n],{seed:1}).astype(dtype), b = gpu.random.normal([n,3],{seed:2}).astype(dtype);
const a = g.matmul(g.T).add(gpu.eye(n).astype(dtype).mul(5));
const show = (name: string, r: any) => console.log(backend, dtype, name, r.x.shape, r.converged, r.reason, r.iterations, r.residual, r.residualError, r.residuals?.length);
show("cg", await cg(a, b));
show("cg vec", await cg(a, b.slice(null, 0)));
show("cg op", await cg(operators.dense(a), b.slice(null,0)));
show("cg indefinite", await cg(g.add(g.T), b));
show("minres", await minres(g.add(g.T), b));
show("minres singular", await minres(gpu.zeros([n,n],dtype), b));
show("gmres", await gmres(g, b));
show("gmres full", await gmres(g, b, {restart: 50}));
show("lsmr", await lsmr(gpu.random.normal([80,20],{seed:4}).astype(dtype), gpu.random.normal([80],{seed:5}).astype(dtype)));
show("lsmr op", await lsmr(operators.dense(gpu.random.normal([80,20],{seed:4}).astype(dtype)), gpu.random.normal([80],{seed:5}).astype(dtype), {damp: 0.5}));
});
}
console.log("leak", gpu.memory().live - live0);
}
