/**
 * SQL of the numbers of a real[] one after the other as bytes, four each, the higher first: half of what `array_send`
 * makes. They come in order without being sorted, which would take most of the time.
 */
export function vectorSql(embedding: string): string {
  return `(SELECT string_agg(float4send(number), '') FROM unnest(${embedding}) AS u (number))`;
}
