import { connect } from "@holdfast/client";

/** Opens sessions of the default tenant, and returns their ids. */
export async function openSessions(address: string, sessions: number): Promise<readonly string[]> {
  const holdfast = connect({ address });
  try {
    const opened = Array.from({ length: sessions }, () => holdfast.sessions.open({ type: "bench" }));
    return (await Promise.all(opened)).map(({ id }) => id);
  } finally {
    await holdfast.close();
  }
}
