import type { ListOrder } from "../../../gen/holdfast/v1/log_pb.js";

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** What to give for the next page; undefined on the last. */
  readonly nextPageToken: string | undefined;
}

/** How to read a list. */
export interface PageOptions {
  /** Items a page, at most 1000; 50 unless given. */
  readonly pageSize?: number | undefined;
  /** The page to begin with: `nextPageToken` of the one before, with the same filter. */
  readonly pageToken?: string | undefined;
}

/** How to read a list of things. */
export interface ListOptions extends PageOptions {
  /** By creation; NEWEST_FIRST unless given. */
  readonly order?: ListOrder | undefined;
}

/** All items of all pages; a page is fetched when the one before has been used up. */
export async function* allPages<T>(
  firstToken: string | undefined,
  fetch: (pageToken: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<T, void, undefined> {
  let token = firstToken;
  do {
    const page: Page<T> = await fetch(token);
    yield* page.items;
    token = page.nextPageToken;
  } while (token !== undefined);
}
