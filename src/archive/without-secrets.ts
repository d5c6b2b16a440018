import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { LogReader } from "../store/archive/read-log.js";
import { ArchiveError } from "./archive-error.js";

/** The same log, which ends with an ArchiveError where a secret would be read. */
export function withoutSecrets(log: LogReader): LogReader {
  return {
    ...log,
    async *current(codec) {
      for await (const each of log.current(codec)) {
        refuseSecret(codec, each.row);
        yield each;
      }
    },
    async *revisions() {
      for await (const each of log.revisions()) {
        refuseSecret(each.codec, each.row);
        yield each;
      }
    },
  };
}

function refuseSecret({ entity, columns }: EntityCodec, row: Readonly<Row>): void {
  const { secret } = entity;
  if (!secret || row[columns.findIndex(({ name }) => name === secret.flag)] !== true) return;
  // Without them it could not be taken in again as what it was.
  throw new ArchiveError("secret", "it holds secrets, which needs the role secret_reader besides");
}
