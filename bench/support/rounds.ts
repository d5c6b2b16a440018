/** What two sides measured, round by round. */
export interface Rounds<T> {
  readonly holdfast: readonly T[];
  readonly reference: readonly T[];
}

/**
 * Rounds of two sides in turn. Who goes first changes with each, so that
 * neither gains from what drifts while they run.
 */
export async function takeTurns<T>(
  rounds: number,
  sides: { readonly holdfast: () => Promise<T>; readonly reference: () => Promise<T> },
  after: (holdfast: T, reference: T) => void,
): Promise<Rounds<T>> {
  const holdfast: T[] = [];
  const reference: T[] = [];
  for (let round = 0; round < rounds; round++) {
    const inTurn = [
      async () => holdfast.push(await sides.holdfast()),
      async () => reference.push(await sides.reference()),
    ];
    if (round % 2 === 0) inTurn.reverse();
    for (const side of inTurn) await side();
    after(holdfast[round] as T, reference[round] as T);
  }
  return { holdfast, reference };
}
