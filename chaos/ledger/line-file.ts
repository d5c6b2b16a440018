import { closeSync, openSync, writeSync } from "node:fs";

/** A file of JSON lines, written as it goes: what one turn of the event loop has to say, at its end. */
export class LineFile<T extends object> {
  readonly #file: number;
  #waiting: string[] = [];

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  write(line: T): void {
    if (this.#waiting.length === 0) setImmediate(() => this.flush());
    this.#waiting.push(JSON.stringify(line));
  }

  flush(): void {
    if (this.#waiting.length === 0) return;
    writeSync(this.#file, `${this.#waiting.join("\n")}\n`);
    this.#waiting = [];
  }

  close(): void {
    this.flush();
    closeSync(this.#file);
  }
}
