import type { KernelCall } from "./define.ts";

/** A function of a kernel call that is computed once: `when`, `rank` and `record` of every variant ask for the same things. */
export function oncePerCall<P, T>(make: (call: KernelCall<P>) => T): (call: KernelCall<P>) => T {
  const known = new WeakMap<KernelCall<P>, T>();
  return (call) => {
    let made = known.get(call);
    if (made === undefined) known.set(call, made = make(call));
    return made;
  };
}
