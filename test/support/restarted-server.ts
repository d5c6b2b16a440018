import { CliProcess } from "./cli-process.js";

/** `holdfast serve` in a process of its own, which can be stopped and started again at its address. */
export class RestartedServer {
  readonly #databaseUrl: string;
  readonly #host: string;
  readonly #args: readonly string[];
  #port = 0;
  #metricsUrl = "";
  #process: CliProcess | undefined;

  private constructor(databaseUrl: string, host: string, args: readonly string[]) {
    this.#databaseUrl = databaseUrl;
    this.#host = host;
    this.#args = args;
  }

  /** @param host an address of this machine that nothing else listens on, so that its port stays free meanwhile */
  static async start(databaseUrl: string, host: string, args: readonly string[] = []) {
    const server = new RestartedServer(databaseUrl, host, args);
    await server.start();
    return server;
  }

  get address(): string {
    return `${this.#host}:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  get host(): string {
    return this.#host;
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const place = ["--grpc-host", this.#host, "--grpc-port", String(this.#port), "--http-port", "0"];
    this.#process = new CliProcess(["serve", ...place, ...this.#args], { DATABASE_URL: this.#databaseUrl });
    const [, port, metricsUrl = ""] = await this.#process.says(/gRPC +\S+:(\d+) [\s\S]*?(http:\S+\/metrics)/);
    this.#port = Number(port);
    this.#metricsUrl = metricsUrl;
  }

  /** Asks it to stop, and resolves with its exit code. */
  stop(): Promise<number | string | null> {
    this.#process?.kill("SIGTERM");
    return this.#process?.exited ?? Promise.resolve(null);
  }

  /** How many calls of a method it has answered well since it was started. */
  async answered(method: string): Promise<number> {
    const text = await (await fetch(this.#metricsUrl)).text();
    const lines = text.split("\n").filter((line) => line.startsWith("holdfast_rpc_calls_total{"));
    const line = lines.find((each) => each.includes(`"${method}"`) && each.includes('"OK"'));
    return Number(line?.split(" ").at(-1) ?? 0);
  }

  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
  }
}
