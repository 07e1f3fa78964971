/**
 * The entry of `known` that a person most likely meant by `word`, or null when none is near. Case, hyphens and
 * underscores do not count (`k_min` is near `kMin`); up to a third of the letters, at least one, may be wrong. Of
 * equally near entries the first is given.
 */
export function nearest(word: string, known: readonly string[]): string | null {
  const wanted = bare(word);
  let best: { readonly name: string; readonly distance: number } | null = null;
  for (const name of known) {
    const candidate = bare(name);
    const allowed = Math.max(1, Math.floor(Math.max(wanted.length, candidate.length) / 3));
    const distance = editDistance(wanted, candidate);
    if (distance <= allowed && (best === null || distance < best.distance)) best = { name, distance };
  }
  return best === null ? null : best.name;
}

/** Longer words are cut: the distance costs length², and `word` may come from anywhere. */
const MAX_LENGTH = 64;

const bare = (word: string): string => word.slice(0, MAX_LENGTH).toLowerCase().replaceAll(/[-_]/g, '');

/** Fewest insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  let beforeLast = last;
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = at(last, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      let cost = Math.min(substitution, at(last, column) + 1, at(current, column - 1) + 1);
      // Before its first letter a word has none, and none equals no letter.
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

const at = (row: readonly number[], column: number): number => row[column] ?? Number.POSITIVE_INFINITY;
