import { expect } from 'vitest';
import { acknowledgementsNeeded } from '../../lib/audit/passport.ts';
import type { Intent } from '../../lib/audit/statement.ts';
import { toHex } from '../../lib/core/bytes.ts';
import type { Digest } from '../../lib/core/ids.ts';
import { addUpdate, averageDelta, emptySum } from '../../lib/learning/integer-sum.ts';
import { stepModel } from '../../lib/learning/strategy.ts';
import type { DecodedUpdate } from '../../lib/learning/update-codec.ts';
import { initialServerState } from '../../lib/learning/server-state.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { modelDigest } from '../../lib/learning/weights.ts';
import type { World } from './world.ts';

/** What holds in every world, whatever arrived and whoever was killed; each by the section that promises it. */
export function checkInvariants(world: World): void {
  oneReleasePerParent(world);
  nothingOutBeforeAcknowledgements(world);
  oneUpdatePerParent(world);
  everyoneSawTheSame(world);
  modelsDependOnTheSetAlone(world);
}

/** PROTOCOL §7.2. */
function oneReleasePerParent({ statements }: World): void {
  const parents = statements.flatMap(({ statement }) =>
    statement.type === 'release' ? [toHex(statement.parent)] : [],
  );
  expect(new Set(parents).size, '§7.2: two releases of one parent').toBe(parents.length);
}

/** PROTOCOL §7.6: enough acknowledgements behind every release, k_min organisations in every intent. */
function nothingOutBeforeAcknowledgements({ history, environment: { sealed } }: World): void {
  let intent: Intent | null = null;
  const acknowledged = new Set<string>();
  for (const event of history) {
    if (event.type === 'result-sealed') {
      intent = event.statement.statement;
      acknowledged.clear();
      expect(intent.members.length, '§7.6: an intent below k_min').toBeGreaterThanOrEqual(sealed.contract.kMin);
    }
    if (event.type === 'acknowledgement-accepted') acknowledged.add(event.organisation);
    if (event.type !== 'statement-issued' || event.statement.statement.type !== 'release') continue;
    if (intent === null) throw new Error('§7.6: a release without intent');
    const needed = acknowledgementsNeeded(sealed, intent.members.length);
    expect(acknowledged.size, '§7.6: released too early').toBeGreaterThanOrEqual(needed);
    intent = null;
  }
}

/** PROTOCOL §7.5: one commitment for each site and parent, debited before it is announced, and nothing else accepted. */
function oneUpdatePerParent({ sites, history, statements }: World): void {
  const accepted = new Map<string, Set<string>>();
  let parent: Digest | null = null;
  for (const event of history) {
    if (event.type === 'statement-issued' && event.statement.statement.type === 'manifest')
      parent = event.statement.statement.parent;
    if (event.type !== 'update-accepted' || parent === null) continue;
    const place = `${event.organisation} ${toHex(parent)}`;
    accepted.set(place, (accepted.get(place) ?? new Set()).add(toHex(event.commit)));
  }
  for (const { environment, log } of sites) {
    const debits = new Map<string, string>();
    for (const event of log) {
      if (event.type === 'debited') {
        expect(debits.has(toHex(event.parent)), '§7.5: a second debit for one parent').toBe(false);
        debits.set(toHex(event.parent), toHex(event.commit));
      }
      if (event.type === 'update-ready')
        expect([...debits.values()], '§7.5: announced before it was debited').toContain(toHex(event.header.commit));
    }
    for (const { statement } of statements) {
      if (statement.type !== 'manifest') continue;
      const seen = accepted.get(`${environment.organisation} ${toHex(statement.parent)}`) ?? new Set();
      const owed = debits.get(toHex(statement.parent));
      expect(
        [...seen].every((commit) => commit === owed),
        '§7.5: an update that its site did not debit',
      ).toBe(true);
    }
  }
}

/** PROTOCOL §7: every site's chain is a beginning of the enclave's. */
function everyoneSawTheSame({ sites, statements }: World): void {
  const chain = statements.map(({ digest }) => toHex(digest));
  for (const { state } of sites) {
    expect(state.chain.map(toHex), '§7: a fork').toEqual(chain.slice(0, state.chain.length));
  }
}

/** PROTOCOL §6: a released model is a function of its parent and of the accepted set, in whatever order that came. */
function modelsDependOnTheSetAlone({ history, environment: { sealed }, enclave }: World): void {
  const { layout } = enclave.environment;
  const updates = new Map<string, DecodedUpdate>();
  let weights = initialWeights(sealed.contract.model.spec);
  let intent: Intent | null = null;
  for (const event of history) {
    if (event.type === 'update-accepted') updates.set(toHex(event.commit), event.update);
    if (event.type === 'result-sealed') intent = event.statement.statement;
    if (event.type !== 'statement-issued' || event.statement.statement.type !== 'release' || intent === null) continue;
    const accepted = intent.members.map(({ commit }) => updates.get(toHex(commit)));
    const sum = accepted.reduce((now, update) => {
      if (update === undefined) throw new Error('§7.6: the intent holds an update that never came');
      return addUpdate(now, update);
    }, emptySum(layout.length));
    const delta = averageDelta(sum, sealed.contract.grid);
    weights = stepModel({
      plan: sealed.contract.strategy,
      parent: weights,
      averageDelta: delta,
      state: initialServerState,
    }).weights;
    expect(toHex(event.statement.statement.child), '§6: the sum depends on more than the set').toBe(
      toHex(modelDigest(layout.digest, weights)),
    );
  }
}
