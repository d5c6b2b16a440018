/** Adds a value to the list that a map has under a key. Returns the list. */
export function pushTo<K, V>(map: Map<K, V[]>, key: K, value: V): V[] {
  const list = map.get(key) ?? [];
  list.push(value);
  map.set(key, list);
  return list;
}
