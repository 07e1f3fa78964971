import { Enclave } from '../../aggregator-enclave/enclave.ts';
import type { EnclaveCommand } from '../../aggregator-enclave/event.ts';
import { recordStoreOn } from '../../aggregator-enclave/host/record-store.ts';
import { passportBundleOf } from '../../aggregator-enclave/passport-bundle-of.ts';
import type { EnclaveLedger } from '../../aggregator-enclave/state.ts';
import { SimulatedChip } from '../../lib/attestation/simulated/chip.ts';
import { verifierRegistry } from '../../lib/attestation/verifier.ts';
import { encodeBundle } from '../../lib/audit/passport-bundle.ts';
import { openStatement, type SignedStatement } from '../../lib/audit/statement.ts';
import { systemClock } from '../../lib/channel/clock.ts';
import { systemRandom } from '../../lib/channel/random.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { systemStudyRandom } from '../../lib/core/study-random.ts';
import { updateCommitment } from '../../lib/learning/update-codec.ts';
import { encodeWeights } from '../../lib/learning/weights.ts';
import type { Store } from '../../lib/store/store.ts';
import { MemorySite, must } from './study-in-memory.ts';
import { digestOf, START, testApproval } from './test-contract.ts';

const STREAM = 'sealed';
const program = { measurement: digestOf('program'), role: 'enclave' } as const;
const chip = new SimulatedChip({ rootSeed: digestOf('chip root'), instance: 'chip-enclave', now: () => START });

/** The real enclave on a store, and its sites as pure deciders: rounds without sessions. */
export class EnclaveOnStore {
  readonly enclave: Enclave;
  readonly sites: readonly MemorySite[];

  private constructor(enclave: Enclave, sites: readonly MemorySite[]) {
    this.enclave = enclave;
    this.sites = sites;
  }

  /** A boot on `store`; `sites` go on with the enclave that they know. */
  static async start(sealed: SealedContract, store: Store, sites?: readonly MemorySite[]): Promise<EnclaveOnStore> {
    const ids = sealed.contract.organisations.map(({ id }) => id);
    const approvals = ids.map((id) => testApproval(sealed, id));
    const enclave = await Enclave.start(sealed, approvals, {
      records: recordStoreOn(store, STREAM),
      sealingKey: chip.sealingKey(program),
      attester: chip.attesterFor(program),
      verifiers: verifierRegistry([]),
      clock: { ...systemClock, now: () => START },
      random: systemRandom,
      studyRandom: systemStudyRandom(systemRandom),
      software: program.measurement,
      environment: 'simulation',
      onFault: () => undefined,
    });
    const fresh = sites ?? ids.map((id) => new MemorySite(sealed, id));
    const { publicKey: bootKey } = enclave.environment.signer;
    for (const site of fresh) must(site.handle({ type: 'trust-boot-key', bootKey }));
    return new EnclaveOnStore(enclave, fresh);
  }

  get ledger(): EnclaveLedger {
    if (this.enclave.state.phase === 'unborn') throw new Error('no genesis yet');
    return this.enclave.state.ledger;
  }

  async command(command: EnclaveCommand): Promise<void> {
    must(await this.enclave.handle(command));
  }

  /** Every statement from `counter` on, as the enclave gives them to sessions. */
  async statements(counter = 0): Promise<SignedStatement[]> {
    const all: SignedStatement[] = [];
    for (;;) {
      const page = await this.enclave.statementsFrom(counter + all.length);
      if (page.length === 0) return all;
      all.push(...page.map((bytes) => must(openStatement(bytes))));
    }
  }

  async catchUp(): Promise<void> {
    for (const site of this.sites)
      for (const statement of await this.statements(site.state.chain.length)) must(site.see(statement));
  }

  /** Up to the Intent: the result is sealed, nothing is acknowledged. */
  async commit(round: number, attempt = 1): Promise<void> {
    await this.collect(round, attempt);
    await this.command({ type: 'close-collection', at: START, salt: digestOf(`result salt ${round}/${attempt}`) });
    await this.catchUp();
  }

  /** Every update of an attempt has come. */
  async collect(round: number, attempt = 1): Promise<void> {
    await this.command({ type: 'open-round', at: START, round, attempt });
    await this.catchUp();
    for (const site of this.sites) {
      const { commit, endorsement } = site.activity('committed');
      const from = site.environment.organisation;
      await this.command({ type: 'receive-commit', at: START, from, commit, endorsement });
    }
    await this.command({ type: 'lock-cohort', at: START });
    await this.catchUp();
    for (const site of this.sites) {
      const from = site.environment.organisation;
      const payload = site.payload();
      const commit = updateCommitment(payload.subarray(0, 32), payload.subarray(32));
      const parent = site.state.model.digest;
      must(site.handle({ type: 'finish-training', parent, commit, payloadBytes: payload.length }));
      await this.command({ type: 'receive-header', from, header: site.activity('uploading').header });
      await this.command({ type: 'receive-update', from, payload });
    }
  }

  async acknowledge(sites = this.sites): Promise<void> {
    for (const site of sites) {
      const { acknowledgement } = site.activity('acknowledged');
      const { endorsement } = site;
      const from = site.environment.organisation;
      await this.command({ type: 'receive-acknowledgement', at: START, from, acknowledgement, endorsement });
    }
  }

  /** The newest release, as every site gets it. */
  async deliver(): Promise<void> {
    await this.catchUp();
    const bundle = passportBundleOf(this.enclave.environment.sealed, this.ledger);
    const { content } = this.ledger.model;
    if (bundle === null || content === null) throw new Error('nothing is released');
    const weights = encodeWeights(content.weights);
    for (const site of this.sites)
      must(site.handle({ type: 'receive-release', bundle: encodeBundle(bundle), weights }));
  }

  async run(round: number, attempt = 1): Promise<void> {
    await this.commit(round, attempt);
    await this.acknowledge();
    await this.deliver();
  }
}
