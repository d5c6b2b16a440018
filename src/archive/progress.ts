/** How far a long run is. */
export interface Progress {
  /** The table or file in hand, or what is being done: "observations", "verifying". */
  readonly what: string;
  /** Done so far, of all. */
  readonly rows: number;
}

export type OnProgress = (progress: Progress) => void;
