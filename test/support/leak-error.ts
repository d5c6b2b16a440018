/** Something was still held when it should have been given back. A file that fails with it is never run again. */
export class LeakError extends Error {
  override readonly name = "LeakError";
}
