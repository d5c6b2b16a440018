/** What one caller may send; each is stated to it and in every refusal. */
export interface EntryLimits {
  /** Entries of one batch: a batch is acknowledged as a whole, so a large one is acknowledged late. */
  readonly maxEntriesPerBatch: number;
  /** Bytes of one entry: larger content belongs in an object store, its address in the entry. */
  readonly maxBytesPerEntry: number;
}
