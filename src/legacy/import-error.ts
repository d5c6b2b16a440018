/** What keeps an import or a rollback from being done, in words for whoever asked for it. */
export class ImportError extends Error {
  override readonly name = "ImportError";
}
