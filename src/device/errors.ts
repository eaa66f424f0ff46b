/** The device was lost (destroyed, reset or closed). Open a new one: the process itself is fine. */
export class DeviceLostError extends Error {
  /** Name of the class, as in stack traces. */
  override readonly name = "DeviceLostError";
}

/** A buffer could not be allocated: over the device's limit or out of memory. Carries both sizes. */
export class OutOfMemoryError extends RangeError {
  /** Name of the class, as in stack traces. */
  override readonly name = "OutOfMemoryError";
  /** Bytes that were asked for. */
  readonly requested: number;
  /** Bytes that the device allows in one buffer, where that was the reason. */
  readonly limit: number | undefined;

  /** Makes the error from a message and the two sizes. */
  constructor(message: string, requested: number, limit?: number) {
    super(message);
    this.requested = requested;
    this.limit = limit;
  }
}

/** A kernel did not compile or was launched wrongly. The message shows the WGSL line with a caret. */
export class KernelError extends Error {
  /** Name of the class, as in stack traces. */
  override readonly name = "KernelError";
  /** Name of the kernel. */
  readonly kernel: string;
  /** The whole WGSL text. */
  readonly wgsl: string;

  /** Makes the error from a message, the kernel's name and its text. */
  constructor(message: string, kernel: string, wgsl: string) {
    super(message);
    this.kernel = kernel;
    this.wgsl = wgsl;
  }
}

/** A tensor or buffer was used after it had been disposed of. */
export class DisposedError extends Error {
  /** Name of the class, as in stack traces. */
  override readonly name = "DisposedError";
}
