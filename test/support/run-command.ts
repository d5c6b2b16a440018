import { Writable } from "node:stream";
import { main } from "../../src/cli/main.js";

/**
 * Runs `holdfast …` within the process of the test, to its end: for what a command does and says. What is about
 * its process (signals, how it ends, what it leaves) takes a CliProcess.
 */
export async function runCommand(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const stdout = new CollectedText();
  const stderr = new CollectedText();
  const code = await main(args, env, { stdout, stderr });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

class CollectedText extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
