import { strict as assert } from 'node:assert';
import type { EnclaveEvent } from '../../aggregator-enclave/event.ts';
import type { EnclaveState } from '../../aggregator-enclave/state.ts';
import { acknowledgementsNeeded } from '../../lib/audit/passport.ts';
import type { Intent, Release, SignedStatement } from '../../lib/audit/statement.ts';
import { toHex } from '../../lib/core/bytes.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { addUpdate, averageDelta, emptySum } from '../../lib/learning/integer-sum.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { initialServerState } from '../../lib/learning/server-state.ts';
import { stepModel } from '../../lib/learning/strategy.ts';
import type { DecodedUpdate } from '../../lib/learning/update-codec.ts';
import { modelDigest } from '../../lib/learning/weights.ts';
import type { EnclaveMachine } from './enclave-machine.ts';
import type { SiteMachine } from './site-machine.ts';

interface Accepted {
  readonly organisation: string;
  readonly parent: string;
  readonly update: DecodedUpdate;
}

interface Released {
  readonly release: Release;
  readonly intent: Intent;
}

/**
 * What holds in every world, whatever arrived, whoever was killed, whichever disk was put back or copied; each by the
 * section of the protocol that promises it. Sees all that ever happened in any enclave.
 */
export class Promises {
  readonly #sealed: SealedContract;
  readonly #sites: readonly SiteMachine[];
  readonly #accepted = new Map<string, Accepted[]>();
  readonly #released: Released[] = [];
  readonly #weights = new Map<string, Float32Array>();
  /** Every statement of every enclave: digest → digest of the one before. */
  readonly #links = new Map<string, string | null>();
  /** Longest chain of each site that never forgot anything. */
  readonly #seen = new Map<SiteMachine, readonly string[]>();

  constructor(sealed: SealedContract, sites: readonly SiteMachine[]) {
    this.#sealed = sealed;
    this.#sites = sites;
    const weights = initialWeights(sealed.contract.model.spec);
    this.#weights.set(toHex(sealed.contract.model.initialDigest), weights);
  }

  get releases(): number {
    return this.#released.length;
  }

  /** A statement from before this world began. */
  recall({ statement, digest }: SignedStatement): void {
    this.#links.set(toHex(digest), statement.previous === null ? null : toHex(statement.previous));
  }

  /** Judges one event of an enclave as it happens. */
  see(machine: EnclaveMachine, event: EnclaveEvent, before: EnclaveState): void {
    assert.notEqual(before.phase, 'halted', `§7: ${machine.name} went on after it had halted`);
    if (event.type === 'update-accepted' && 'manifest' in before) {
      const { organisation, update } = event;
      const parent = toHex(before.manifest.statement.parent);
      const place = toHex(event.commit);
      this.#accepted.set(place, [...(this.#accepted.get(place) ?? []), { organisation, parent, update }]);
    }
    if (event.type === 'result-sealed') this.#seeIntent(event.statement.statement, before);
    if (event.type === 'born' || event.type === 'statement-issued' || event.type === 'result-sealed') {
      const { statement } = event.statement;
      this.recall(event.statement);
      assert(statement.type !== 'abort' || before.phase !== 'committed', '§7.8: a sealed result was given up');
      if (statement.type === 'release') this.#seeRelease(statement, before);
    }
  }

  /** What can only be judged over all that happened. */
  check(): void {
    this.#oneChildPerParent();
    this.#oneUpdatePerParent();
    this.#nobodyFollowsTwoHistories();
    this.#nobodyIsBehindWithoutCause();
  }

  /** PROTOCOL §7.6: nobody is summed alone, and the result is a function of parent and accepted set (§6). */
  #seeIntent(intent: Intent, before: EnclaveState): void {
    const { contract } = this.#sealed;
    assert(intent.members.length >= contract.kMin, '§7.6: an intent below k_min');
    assert(before.phase === 'collecting', '§7.6: an intent out of order');
    const layout = layoutOf(contract.model.spec);
    const parent = before.manifest.statement.parent;
    const weights = this.#weights.get(toHex(parent));
    assert(weights !== undefined, '§7.2: a parent that nobody released');
    const sum = intent.members.reduce((now, { commit, organisation }) => {
      const update = this.#accepted.get(toHex(commit))?.find((one) => one.organisation === organisation);
      assert(update !== undefined, '§7.6: the intent holds an update that never came');
      return addUpdate(now, update.update);
    }, emptySum(layout.length));
    const stepped = stepModel({
      plan: contract.strategy,
      parent: weights,
      averageDelta: averageDelta(sum, contract.grid),
      state: initialServerState,
    });
    this.#weights.set(toHex(modelDigest(layout.digest, stepped.weights)), stepped.weights);
  }

  /** PROTOCOL §7.6–7.7. */
  #seeRelease(release: Release, before: EnclaveState): void {
    assert(before.phase === 'committed', '§7.6: a release without intent');
    const intent = before.intent.statement;
    const needed = acknowledgementsNeeded(this.#sealed, intent.members.length);
    assert(before.acknowledgements.size >= needed, '§7.6: released before enough hospitals acknowledged');
    for (const id of before.acknowledgements.keys())
      assert(
        intent.members.some(({ organisation }) => organisation === id),
        '§7.6: acknowledged by somebody outside the set',
      );
    assert(this.#weights.has(toHex(release.child)), '§6: the sum depends on more than the set');
    this.#released.push({ release, intent });
  }

  /**
   * PROTOCOL §7.2, over all enclaves. Where any two releases must share a hospital that forgot nothing, there is one
   * child. Where a contract lets two disjoint cohorts release, no hospital is ever in both.
   */
  #oneChildPerParent(): void {
    const forgetful = new Set<string>(this.#sites.filter(({ restored }) => restored).map((site) => site.organisation));
    this.#released.forEach((one, index) => {
      for (const other of this.#released.slice(0, index)) {
        if (toHex(one.release.parent) !== toHex(other.release.parent)) continue;
        if (toHex(one.release.child) === toHex(other.release.child)) continue;
        const both = one.intent.members.filter(
          ({ organisation }) =>
            !forgetful.has(organisation) && other.intent.members.some((member) => member.organisation === organisation),
        );
        assert.deepEqual(both, [], '§7.2: a hospital in two releases of one parent');
        const { organisations, kMin, toleratedColluders } = this.#sealed.contract;
        assert(
          2 * kMin <= organisations.length + toleratedColluders,
          '§7.2: two releases of one parent although any two cohorts share a hospital',
        );
      }
    });
  }

  /** PROTOCOL §7.5: one commitment for each site and parent, debited before it was announced. */
  #oneUpdatePerParent(): void {
    for (const { organisation, ever } of this.#sites) {
      const debits = new Map<string, string>();
      for (const event of ever) {
        if (event.type === 'debited') {
          const parent = toHex(event.parent);
          const commit = toHex(event.commit);
          assert.equal(debits.get(parent) ?? commit, commit, '§7.5: a second update was paid for one parent');
          debits.set(parent, commit);
        }
        if (event.type === 'update-ready')
          assert([...debits.values()].includes(toHex(event.header.commit)), '§7.5: announced before it was debited');
      }
      for (const [commit, places] of this.#accepted)
        for (const place of places)
          if (place.organisation === organisation)
            assert.equal(debits.get(place.parent), commit, '§7.5: an update that its site did not debit');
    }
  }

  /** PROTOCOL §7.13: a memory that lost nothing is never taken for an old copy. */
  #nobodyIsBehindWithoutCause(): void {
    for (const { restored, state } of this.#sites)
      assert(restored || state.behind === null, '§7.13: a site that forgot nothing finds itself behind');
  }

  /** PROTOCOL §7: a site's chain is one history of genuine enclaves, and what it saw once it does not unsee. */
  #nobodyFollowsTwoHistories(): void {
    for (const site of this.#sites) {
      const chain = site.state.chain.map(toHex);
      chain.forEach((digest, counter) => {
        assert.equal(this.#links.get(digest), chain[counter - 1] ?? null, '§7: a statement that does not link');
      });
      if (site.restored) continue;
      const before = this.#seen.get(site) ?? [];
      assert.deepEqual(chain.slice(0, before.length), before, '§7: a site changed its history');
      this.#seen.set(site, chain);
    }
  }
}
