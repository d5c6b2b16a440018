import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";

/** PEM files of a server's identity. */
export interface TlsFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** When given, only clients with a certificate signed by one of these are let in. */
  readonly clientCaFile?: string | undefined;
}

/**
 * Credentials from the files, or plain text, fit for loopback only, when there are none.
 * Throws an Error that names the files when they cannot be read or do not belong together.
 */
export async function createServerCredentials(files: TlsFiles | undefined): Promise<ServerCredentials> {
  if (!files) return ServerCredentials.createInsecure();
  const { certificateFile, keyFile, clientCaFile } = files;
  const [cert, key, clientCa] = await Promise.all([
    readFile(certificateFile),
    readFile(keyFile),
    clientCaFile === undefined ? null : readFile(clientCaFile),
  ]);
  try {
    // grpc-js would find out only when it listens, and not say which file.
    createSecureContext(clientCa ? { cert, key, ca: clientCa } : { cert, key });
  } catch (cause) {
    const names = [certificateFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])].join(
      ", ",
    );
    throw new Error(`not a certificate and its key in PEM: ${names}: ${(cause as Error).message}`, { cause });
  }
  return ServerCredentials.createSsl(clientCa, [{ cert_chain: cert, private_key: key }], clientCa !== null);
}
