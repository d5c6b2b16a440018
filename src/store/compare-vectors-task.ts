/** Of one number of a vector as it is sent: a float, the higher bytes first. */
export const NUMBER_BYTES = 4;

/** Some vectors to compare with one. */
export interface VectorPage {
  readonly wanted: Float32Array;
  /** As many numbers each as that one has, in hexadecimal digits. */
  readonly vectors: readonly string[];
  /** How near a vector must be at least. */
  readonly least: number;
}

/** Those that are near enough, in the order of the page. */
export interface NearVectors {
  readonly indexes: readonly number[];
  /** Of each the cosine of the angle between it and the one wanted. */
  readonly likenesses: readonly number[];
}

/**
 * Compares by cosine, in double precision. A vector of zeroes points nowhere and is near to none. Runs in a worker process,
 * which reads the vectors from their digits as well: that takes longer than comparing them.
 */
export function compareVectors({ wanted, vectors, least }: VectorPage): NearVectors {
  const length = Math.sqrt(wanted.reduce((sum, number) => sum + number * number, 0));
  const bytes = Buffer.alloc(wanted.length * NUMBER_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const indexes: number[] = [];
  const likenesses: number[] = [];
  for (const [index, digits] of vectors.entries()) {
    if (bytes.write(digits, "hex") !== bytes.byteLength) {
      throw new RangeError(`expected ${bytes.byteLength} bytes of a vector, got ${digits.length / 2}`);
    }
    const likeness = projection(wanted, view) / length;
    // Written so that NaN is left out.
    if (!(likeness >= least)) continue;
    indexes.push(index);
    likenesses.push(likeness);
  }
  return { indexes, likenesses };
}

/** Of one vector on another, in lengths of the former. */
function projection(wanted: Float32Array, view: DataView): number {
  let product = 0;
  let square = 0;
  let at = 0;
  for (const number of wanted) {
    const other = view.getFloat32(at);
    product += number * other;
    square += other * other;
    at += NUMBER_BYTES;
  }
  return product / Math.sqrt(square);
}
