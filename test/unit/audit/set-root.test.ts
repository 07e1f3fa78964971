import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setRoot, sortContributions } from '../../../lib/audit/set-root.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { organisationId } from '../../../lib/core/ids.ts';
import { digestOf } from '../../support/test-contract.ts';

const ids = fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,8}$/), { minLength: 1, maxLength: 8 });
const membersOf = (names: readonly string[]): Parameters<typeof setRoot>[0] =>
  names.map((name) => ({ organisation: organisationId(name), commit: digestOf(`update of ${name}`) }));

describe('PROTOCOL §7.6: set_root', () => {
  it('is the same in whatever order the updates came', () => {
    fc.assert(
      fc.property(
        ids.chain((names) => fc.tuple(fc.constant(names), fc.shuffledSubarray(names, { minLength: names.length }))),
        ([names, shuffled]) => {
          const members = membersOf(shuffled);
          expect(toHex(setRoot(members))).toBe(toHex(setRoot(membersOf(names))));
          expect(sortContributions(members).map(({ organisation }) => organisation)).toEqual([...names].sort());
          // The argument stays as it was.
          expect(members.map(({ organisation }) => organisation)).toEqual(shuffled);
        },
      ),
    );
  });

  it('differs for another member, another update, or one member less', () => {
    const members = membersOf(['adler', 'birch', 'cedar']);
    const [first, ...others] = members;
    if (first === undefined) throw new Error('no member');
    const roots = [
      members,
      others,
      membersOf(['adler', 'birch', 'dogwood']),
      [{ ...first, commit: digestOf('another update') }, ...others],
      // Two members with their updates exchanged.
      members.map((member, index) => ({ ...member, commit: members[(index + 1) % 3]?.commit ?? first.commit })),
    ].map((set) => toHex(setRoot(set)));
    expect(new Set(roots).size).toBe(roots.length);
  });
});
