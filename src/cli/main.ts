import { serve } from "./serve.js";

/** Runs one command line and returns its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  if (command === "serve") return serve(rest);
  process.stderr.write("usage: holdfast serve\n");
  return 2;
}
