import { type Entry, EntrySchema } from "../../../../gen/holdfast/v1/event_pb.js";
import type { ByteWriter } from "../wire/byte-writer.js";
import type { EncoderCompiler, MessageEncoder } from "../wire/message-encoder.js";
import type { EntryCase } from "./recorded.js";
import type { RecordDefaults } from "./records.js";

const LENGTH_DELIMITED = 2;
// Field 1 of everything an entry can hold: `id`, or `request_id` of a change.
const ID_TAG = (1 << 3) | LENGTH_DELIMITED;

/** The fields that a recorder's defaults may fill. */
interface Defaultable {
  readonly sessionId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** Writes one kind of entry, giving it an id and the recorder's defaults. */
export class EntryEncoder {
  readonly #tag: number;
  readonly #encode: MessageEncoder;
  readonly #defaults: RecordDefaults;
  readonly #encodedDefaults: Buffer;

  constructor(compiler: EncoderCompiler, kind: EntryCase, defaults: RecordDefaults, scratch: ByteWriter) {
    const field = EntrySchema.oneofs[0]?.fields.find(({ localName }) => localName === kind);
    if (field?.fieldKind !== "message") throw new Error(`Entry has no ${kind}`);
    this.#tag = (field.number << 3) | LENGTH_DELIMITED;
    this.#encode = compiler.encoder(field.message);
    this.#defaults = "sessionId" in field.message.field ? defaults : {};
    scratch.truncate(0);
    this.#encode(scratch, this.#defaults);
    this.#encodedDefaults = Buffer.from(scratch.view());
  }

  /**
   * Writes `value` with an id of its own, or with `madeId` when it has none. Throws EncodeError for a field
   * whose value is not of its type.
   */
  write(writer: ByteWriter, madeId: string | undefined, value: Defaultable): void {
    writer.varint(this.#tag);
    const start = writer.fork();
    if (madeId !== undefined) {
      writer.varint(ID_TAG);
      writer.string(madeId);
    }
    if (value.sessionId === "" || value.agentId === "") {
      this.#encode(writer, {
        ...this.#defaults,
        ...value,
        labels: { ...this.#defaults.labels, ...value.labels },
      });
    } else {
      // Of a field that comes twice protobuf keeps the later, and a map's entries add up: so the defaults,
      // encoded once, go in front of what the record says itself.
      writer.raw(this.#encodedDefaults);
      this.#encode(writer, value);
    }
    writer.join(start);
  }
}

/** One encoder for each kind of entry. */
export type EntryEncoders = Readonly<Record<EntryCase, EntryEncoder>>;

/** Compiles them; the compiler keeps what it has compiled, so that a further recorder costs little. */
export function createEntryEncoders(
  compiler: EncoderCompiler,
  defaults: RecordDefaults,
  scratch: ByteWriter,
): EntryEncoders {
  const encoder = (kind: EntryCase & NonNullable<Entry["entry"]["case"]>) =>
    new EntryEncoder(compiler, kind, defaults, scratch);
  return {
    observation: encoder("observation"),
    action: encoder("action"),
    startAction: encoder("startAction"),
    finishAction: encoder("finishAction"),
    decision: encoder("decision"),
    performanceMetric: encoder("performanceMetric"),
    securityAudit: encoder("securityAudit"),
  };
}
