/** Where the demo looks for a server, and starts one when nobody answers there. */
export function demoAddress(): string {
  return process.env.HOLDFAST_ADDRESS || "127.0.0.1:4650";
}
