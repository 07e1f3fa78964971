interface PageLimits {
  readonly count: number;
  readonly sizeBytes: number;
}

/** The first of `items` that fit both limits together; a larger one than `sizeBytes` stands alone. Empty only where `items` is. */
export function pageOf(items: Iterable<Uint8Array>, { count, sizeBytes }: PageLimits): Uint8Array[] {
  const page: Uint8Array[] = [];
  let size = 0;
  for (const item of items) {
    size += item.length;
    if (page.length === count || (page.length > 0 && size > sizeBytes)) break;
    page.push(item);
  }
  return page;
}
