/** `–` stands for "there is no value", never for 0. */
export const NO_VALUE = '–';

export const decimals = (value: number | null | undefined, digits = 3): string =>
  value === null || value === undefined || !Number.isFinite(value) ? NO_VALUE : value.toFixed(digits);

/** A share as people say it: `80 of 100`. */
export const ofHundred = (share: number): string => `${Math.round(share * 100)} of 100`;

/** 1234567 → `1 234 567`, with spaces that do not break. */
export const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, '\u00a0');

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${(ms / 60_000).toFixed(1)} min`;
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${grouped(count)} ${count === 1 ? one : many}`;

/** `a, b and c`. */
export function listed(names: readonly string[]): string {
  if (names.length <= 1) return names[0] ?? 'none';
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}

/** 3, 4, 5, 7 → `3–5, 7`; the numbers ascend. */
export function ranges(numbers: readonly number[]): string {
  const parts: { first: number; last: number }[] = [];
  for (const number of numbers) {
    const open = parts.at(-1);
    if (open?.last === number - 1) open.last = number;
    else parts.push({ first: number, last: number });
  }
  return parts.map(({ first, last }) => (first === last ? String(first) : `${first}–${last}`)).join(', ');
}

/** `2026-11-20T10:02:03.000Z` → `2026-11-20 10:02 UTC`; anything else as it is. */
export const utcTime = (iso: string): string => iso.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*Z$/, '$1 $2 UTC');
