/**
 * What `read` makes of an item, once for each item object: a program holds the same collateral for many verdicts, and
 * never changes it. Only for what is a function of the item alone: signatures, dates and revocation are looked at in
 * every verdict. Forgotten with the item.
 */
export function perItem<Item extends object, T>(read: (item: Item) => T): (item: Item) => T {
  const known = new WeakMap<Item, { readonly value: T }>();
  return (item) => {
    const found = known.get(item) ?? { value: read(item) };
    known.set(item, found);
    return found.value;
  };
}
