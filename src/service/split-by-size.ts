/**
 * Items in order, cut into parts of at most so many bytes, but for a single larger one. No items are one empty part.
 *
 * @param byteLength of one item
 */
export function splitBySize<T>(
  items: readonly T[],
  maxBytes: number,
  byteLength: (item: T) => number,
): readonly (readonly T[])[] {
  let part: T[] = [];
  const parts = [part];
  let bytes = 0;
  for (const item of items) {
    const length = byteLength(item);
    if (part.length > 0 && bytes + length > maxBytes) {
      part = [];
      parts.push(part);
      bytes = 0;
    }
    part.push(item);
    bytes += length;
  }
  return parts;
}
