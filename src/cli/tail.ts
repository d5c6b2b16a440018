import { type ConnectOptions, connect, type Holdfast } from "../../clients/typescript/src/index.js";
import { settings } from "../config.js";
import { defineCommand } from "./command.js";
import { CommandError } from "./command-error.js";
import { connectOptionsFrom } from "./connect-options.js";
import { entityKindFrom, entityKindNames } from "./entity-kinds.js";
import { followLog } from "./follow-log.js";
import { formatEvent, formatEventJson } from "./format-event.js";
import { createLineWriter } from "./line-writer.js";
import { receiveStopSignals } from "./stop-signals.js";

const ADDRESS = `${settings.grpcHost.fallback}:${settings.grpcPort.fallback}`;

/** `holdfast tail` */
export const tail = defineCommand({
  usage: "[options]",
  about: `One line an event: position, time, what it is, what happened to it, the end of its
session's id, and its fields as this change left them, long ones cut. It goes on where it
was when the server restarts or is away for a while. Ctrl-C ends it and says how to
go on from there.`,
  options: {
    address: {
      type: "string",
      placeholder: "HOST:PORT",
      about: "the server",
      source: `HOLDFAST_ADDRESS, default ${ADDRESS}`,
    },
    from: {
      type: "string",
      placeholder: "now|start|POSITION",
      about: "where to begin: after this position",
      source: "default now",
    },
    session: { type: "string", multiple: true, placeholder: "UUID", about: "only this session" },
    agent: { type: "string", multiple: true, placeholder: "NAME", about: "only this agent" },
    kind: {
      type: "string",
      multiple: true,
      placeholder: "KIND",
      about: `only this kind: ${entityKindNames.join(", ")}`,
    },
    "until-caught-up": { type: "boolean", about: "end when everything there is has been shown" },
    json: { type: "boolean", about: "one event a line in protobuf's JSON, nothing cut; payloads are base64" },
    tenant: {
      type: "string",
      placeholder: "UUID",
      about: "whose log, when the credentials do not say",
      source: "HOLDFAST_TENANT",
    },
    token: {
      type: "string",
      placeholder: "TOKEN",
      about: "bearer token; other users of the machine can see options, not variables",
      source: "HOLDFAST_TOKEN",
    },
    tls: { type: "boolean", about: "use TLS, trusting the system's authorities" },
    "tls-ca": { type: "string", placeholder: "FILE", about: "use TLS, trusting these authorities (PEM)" },
    "tls-cert": { type: "string", placeholder: "FILE", about: "the client's own certificate (PEM)" },
    "tls-key": { type: "string", placeholder: "FILE", about: "its private key (PEM)" },
  },
  maxWords: 0,
  async run({ options, env, stdout, stderr }) {
    const after = startFrom(options.from ?? "now");
    const kinds = (options.kind ?? []).map(entityKindFrom);
    const connection = await connectOptionsFrom({
      address: options.address ?? (env.HOLDFAST_ADDRESS || ADDRESS),
      tenant: options.tenant ?? env.HOLDFAST_TENANT,
      token: options.token ?? env.HOLDFAST_TOKEN,
      tls: options.tls,
      tlsCa: options["tls-ca"],
      tlsCert: options["tls-cert"],
      tlsKey: options["tls-key"],
    });
    const holdfast = open(connection);
    const signals = receiveStopSignals(() => process.exit(1));
    const output = createLineWriter(stdout);
    try {
      await followLog({
        events: holdfast.events,
        selection: { sessionIds: options.session ?? [], agentIds: options.agent ?? [], kinds },
        after,
        untilCaughtUp: options["until-caught-up"] ?? false,
        signal: AbortSignal.any([signals.first, output.closed]),
        format: options.json ? formatEventJson : formatEvent,
        output,
        tell: (message) => stderr.write(`${message}\n`),
      });
      return 0;
    } finally {
      signals.close();
      await holdfast.close();
    }
  },
});

function open(options: ConnectOptions): Holdfast {
  try {
    return connect(options);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new CommandError(`A token to another machine needs TLS: --tls, or --tls-ca FILE`, 2);
  }
}

function startFrom(text: string): "now" | "start" | bigint {
  if (text === "now" || text === "start") return text;
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw new CommandError(`--from: expected now, start or a position, got ${JSON.stringify(text)}`, 2);
}
