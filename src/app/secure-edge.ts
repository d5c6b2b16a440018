import type { ServerCredentials } from "@grpc/grpc-js";
import { type Config, ConfigError } from "../config.js";
import { anonymousAuthenticator } from "../rpc/anonymous-authenticator.js";
import type { Authenticator } from "../rpc/authenticate.js";
import { createServerCredentials } from "../rpc/credentials.js";
import { tokenAuthenticator } from "../rpc/token-authenticator.js";
import { readTokenFile } from "../rpc/token-file.js";

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

/** TLS where files are given; without them only loopback is served, unless told otherwise in so many words. */
export async function secureEdge(
  config: Config,
): Promise<{ readonly credentials: ServerCredentials; readonly authenticate: Authenticator }> {
  const { tlsCertFile, tlsKeyFile, tlsClientCaFile, grpcHost, tokensFile, insecure } = config;
  if ((tlsCertFile === "") !== (tlsKeyFile === "")) {
    throw new ConfigError("HOLDFAST_TLS_CERT and HOLDFAST_TLS_KEY: expected both or neither");
  }
  if (!LOOPBACK.test(grpcHost) && !insecure && (tlsCertFile === "" || tokensFile === "")) {
    throw new ConfigError(
      `HOLDFAST_GRPC_HOST: ${grpcHost} can be reached from other machines, which needs TLS ` +
        "(HOLDFAST_TLS_CERT, HOLDFAST_TLS_KEY) and tokens (HOLDFAST_TOKENS); " +
        "HOLDFAST_ALLOW_INSECURE_NETWORK=true serves without them all the same",
    );
  }
  const files =
    tlsCertFile === ""
      ? undefined
      : { certificateFile: tlsCertFile, keyFile: tlsKeyFile, clientCaFile: tlsClientCaFile || undefined };
  try {
    return { credentials: await createServerCredentials(files), authenticate: await authenticator(config) };
  } catch (error) {
    // They name the file and what is wrong with it.
    throw new ConfigError((error as Error).message, { cause: error });
  }
}

async function authenticator({ tokensFile }: Config): Promise<Authenticator> {
  return tokensFile === "" ? anonymousAuthenticator() : tokenAuthenticator(await readTokenFile(tokensFile));
}
