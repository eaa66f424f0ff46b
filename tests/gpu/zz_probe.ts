import { openDevice, runFormulas } from "./formula_gpu.ts";
import { parse, emitWgsl, compile } from "../../src/formula/mod.ts";
const d=(await openDevice())!; d.addEventListener("uncapturederror",(e:any)=>console.log(e.error.message));
const sig={a:{kind:"plain"},b:{kind:"plain"}} as const;
const a=[0,0.3,0.5,1,-0.5,2], b=[0.5,0.5,1,2,0.2,0.1];
for(const t of Deno.args){const [r]=await runFormulas(d,[parse(t)],{a:{data:a},b:{data:b}},{scalar:"f32",signature:sig,count:a.length});
 const f=compile(parse(t),["a","b"]); console.log(t.padEnd(40),r.map(x=>+x.toPrecision(5)).join(" ")," | ",a.map((x,k)=>+f(x,b[k]).toPrecision(5)).join(" "));}
