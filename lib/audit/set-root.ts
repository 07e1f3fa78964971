import { utf8 } from '../core/bytes.ts';
import { hash } from '../core/hash.ts';
import type { Digest } from '../core/ids.ts';
import type { Contribution } from './statement.ts';

/** `set_root` of PROTOCOL §7.6: one digest over {organisation, commit} of the accepted set, whatever order they came in. */
export function setRoot(members: readonly Contribution[]): Digest {
  return hash('set', ...sortContributions(members).flatMap(({ organisation, commit }) => [utf8(organisation), commit]));
}

/** Order by organisation id, so that the order of arrival shows nowhere. */
export function sortContributions(members: readonly Contribution[]): Contribution[] {
  return [...members].sort((a, b) => (a.organisation < b.organisation ? -1 : 1));
}
