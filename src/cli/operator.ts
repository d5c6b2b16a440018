import { userInfo } from "node:os";

/** Who runs this command, as audits name them: "operator:ada". */
export function operator(): string {
  try {
    return `operator:${userInfo().username}`;
  } catch {
    // An account without an entry in the system's list, as containers have.
    return `operator:${process.getuid?.() ?? "unknown"}`;
  }
}
