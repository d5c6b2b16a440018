/** A stream that lives long and can go on over another connection. */
export interface MovableStream {
  /** How often a server has opened it, which the connections count. */
  opens: number;
  /** Ends what is open and opens another in its place. */
  move(): void;
}
