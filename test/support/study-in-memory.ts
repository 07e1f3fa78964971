import { decide as decideEnclave, type Decision } from '../../aggregator-enclave/decider.ts';
import type { EnclaveCommand, EnclaveEvent } from '../../aggregator-enclave/event.ts';
import { evolve as evolveEnclave } from '../../aggregator-enclave/evolve.ts';
import {
  headOfState,
  INITIAL_STATE as ENCLAVE_START,
  type EnclaveEnvironment,
  type EnclaveState,
} from '../../aggregator-enclave/state.ts';
import { passportBundleOf } from '../../aggregator-enclave/passport-bundle-of.ts';
import { decide as decideSite } from '../../site-agent/decider.ts';
import type { SiteCommand, SiteEvent } from '../../site-agent/event.ts';
import { evolve as evolveSite } from '../../site-agent/evolve.ts';
import {
  initialSiteState,
  type Activity,
  type SiteEnvironment,
  type SiteModel,
  type SiteState,
} from '../../site-agent/state.ts';
import { encodeBundle, type Publication } from '../../lib/audit/passport-bundle.ts';
import type { SignedStatement } from '../../lib/audit/statement.ts';
import { signEndorsement } from '../../lib/contract/endorsement.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import { signerFromSeed } from '../../lib/core/ed25519.ts';
import type { Refusal } from '../../lib/core/errors.ts';
import { hash } from '../../lib/core/hash.ts';
import { instant, type Instant, type OrganisationId } from '../../lib/core/ids.ts';
import type { Result } from '../../lib/core/result.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { layoutOf } from '../../lib/learning/layout.ts';
import { mechanismOf } from '../../lib/privacy/mechanism.ts';
import { encodeUpdate, joinUpdate, updateCommitment } from '../../lib/learning/update-codec.ts';
import { toGrid } from '../../lib/learning/quantise.ts';
import { encodeWeights } from '../../lib/learning/weights.ts';
import { DAY_MS, digestOf, HOSPITALS, organisationSigner, START, testApproval, updateFields } from './test-contract.ts';

/** The evidence of this harness is empty: appraisal has its own tests. */
export const EVERY_BOOT_IS_GENUINE: SiteEnvironment['appraise'] = () => ({
  refusals: [],
  measurement: digestOf('program'),
  simulated: true,
});

/** Enclave and sites as pure deciders, wired by hand: what the shells do, without shells, sockets or clocks. */
export class MemoryEnclave {
  readonly environment: EnclaveEnvironment;
  state: EnclaveState = ENCLAVE_START;
  readonly log: EnclaveEvent[] = [];
  /** Statements of the first `read` events of the log. */
  protected readonly chain: SignedStatement[] = [];
  protected read = 0;

  constructor(sealed: SealedContract, bootLabel = 'enclave boot') {
    const layout = layoutOf(sealed.contract.model.spec);
    const signer = signerFromSeed(digestOf(bootLabel));
    this.environment = {
      ...{ sealed, layout, signer, software: digestOf('program'), appraise: EVERY_BOOT_IS_GENUINE },
      noiseRoot: digestOf('noise root'),
      mechanism: mechanismOf(sealed.contract),
    };
  }

  handle(command: EnclaveCommand): Decision {
    const decision = decideEnclave(this.environment, this.state, command);
    if (decision.ok) {
      for (const event of decision.value) {
        this.state = evolveEnclave(this.environment, this.state, event);
        this.log.push(event);
      }
    }
    return decision;
  }

  /** The same enclave at this moment, going its own way from here. */
  fork(): MemoryEnclave {
    return Object.assign(Object.create(MemoryEnclave.prototype) as MemoryEnclave, this, {
      log: [...this.log],
      chain: [...this.chain],
    });
  }

  /** Genesis and the approvals of `hospitals`. */
  begin(at: Instant = START, hospitals: readonly OrganisationId[] = HOSPITALS, predecessor?: Uint8Array): void {
    const { sealed } = this.environment;
    for (const id of hospitals) must(this.handle({ type: 'record-approval', at, approval: testApproval(sealed, id) }));
    const weights = initialWeights(sealed.contract.model.spec);
    must(
      this.handle({
        type: 'boot',
        at,
        noiseRoot: hash('noise-root', this.environment.noiseRoot),
        initialWeights: weights,
        predecessor,
      }),
    );
    must(this.handle({ type: 'record-publication', publication: this.publication() }));
  }

  /** The whole chain, as the log has it: the state keeps only the newest. */
  statements(): readonly SignedStatement[] {
    for (; this.read < this.log.length; this.read += 1) {
      const event = this.log[this.read];
      if (event !== undefined && 'statement' in event) this.chain.push(event.statement);
    }
    return this.chain;
  }

  publication(): Publication {
    const head = headOfState(this.state);
    if (this.state.phase === 'unborn' || head === null) throw new Error('no genesis yet');
    const { genesis } = this.state.ledger;
    const { sealed, signer } = this.environment;
    const bootKey = signer.publicKey;
    return {
      format: 'consilium/publication/v1',
      bootKey,
      contract: sealed.digest,
      genesis: genesis.digest,
      head,
      at: START,
      evidence: new Uint8Array(),
      collateral: new Uint8Array(),
    };
  }

  bundle(): Uint8Array {
    if (this.state.phase === 'unborn') throw new Error('no genesis yet');
    const bundle = passportBundleOf(this.environment.sealed, this.state.ledger);
    if (bundle === null) throw new Error('nothing is released yet');
    return encodeBundle(bundle);
  }

  weights(): Uint8Array {
    if (this.state.phase === 'unborn') throw new Error('no genesis yet');
    const { content } = this.state.ledger.model;
    if (content === null) throw new Error('the weights are not in memory');
    return encodeWeights(content.weights);
  }
}

export class MemorySite {
  readonly environment: SiteEnvironment;
  readonly endorsement: Uint8Array;
  state: SiteState;
  readonly log: SiteEvent[] = [];

  constructor(sealed: SealedContract, organisation: OrganisationId, change: Partial<SiteEnvironment['overlay']> = {}) {
    const layout = layoutOf(sealed.contract.model.spec);
    const signer = signerFromSeed(digestOf(`boot ${organisation}`));
    const confirmedKeys = new Map(sealed.contract.organisations.map(({ id, key }) => [id, key]));
    this.environment = {
      sealed,
      layout,
      organisation,
      signer,
      overlay: { confirmedKeys, minimum: 1, requireCoParticipants: [], ...change },
      appraise: EVERY_BOOT_IS_GENUINE,
    };
    this.endorsement = signEndorsement(
      {
        organisation,
        bootKey: signer.publicKey,
        contract: sealed.digest,
        issued: START,
        expires: instant(START + DAY_MS),
      },
      organisationSigner(organisation),
    );
    this.state = initialSiteState({ round: 0, digest: sealed.contract.model.initialDigest });
  }

  handle(command: SiteCommand): Result<readonly SiteEvent[], Refusal> {
    const decision = decideSite(this.environment, this.state, command);
    if (decision.ok) {
      for (const event of decision.value) {
        this.state = evolveSite(this.state, event);
        this.log.push(event);
      }
    }
    return decision;
  }

  /** The newest model, with the weights that came with its release. */
  model(): SiteModel {
    const newest = this.log.findLast((event) => event.type === 'model-received');
    const { spec } = this.environment.sealed.contract.model;
    return { ...this.state.model, weights: newest?.received?.weights ?? initialWeights(spec) };
  }

  /** What the site is doing; throws when it is in another phase. */
  activity<P extends Activity['phase']>(phase: P): Extract<Activity, { phase: P }> {
    const { activity } = this.state;
    if (activity.phase !== phase) throw new Error(`${this.environment.organisation} is ${activity.phase}`);
    return activity as Extract<Activity, { phase: P }>;
  }

  /** The same site at this moment, going its own way from here. */
  fork(): MemorySite {
    return Object.assign(Object.create(MemorySite.prototype) as MemorySite, this, { log: [...this.log] });
  }

  see(statement: SignedStatement, at: Instant = START): Result<readonly SiteEvent[], Refusal> {
    return this.handle({
      type: 'receive-statement',
      at,
      statement: statement.bytes,
      live: true,
      endorsement: this.endorsement,
      unaffordable: null,
    });
  }

  /** A payload that depends on site and round only, so that a retry sends the same bytes (PROTOCOL §7.8). */
  payload(weight = 100): Uint8Array {
    const { organisation, layout, sealed } = this.environment;
    const index = HOSPITALS.indexOf(organisation);
    const delta = Float64Array.from(
      { length: layout.length },
      (_, i) => (index + 1) / 64 + i / 128 + this.state.model.round / 256,
    );
    const coordinates = toGrid(delta, sealed.contract.grid);
    if (!coordinates.ok) throw new Error(coordinates.error.detail);
    const plaintext = encodeUpdate({ ...updateFields(sealed, organisation, weight), coordinates: coordinates.value });
    return joinUpdate(digestOf(`salt ${organisation} ${this.state.model.round}`), plaintext);
  }
}

export class MemoryStudy {
  readonly sealed: SealedContract;
  readonly enclave: MemoryEnclave;
  readonly sites: readonly MemorySite[];

  /** `overlays`: stricter rules of single hospitals, by id. `predecessor`: passport that a successor goes on from. */
  constructor(
    sealed: SealedContract,
    overlays: Readonly<Record<string, Partial<SiteEnvironment['overlay']>>> = {},
    predecessor?: Uint8Array,
  ) {
    this.sealed = sealed;
    this.enclave = new MemoryEnclave(sealed);
    this.enclave.begin(
      START,
      sealed.contract.organisations.map(({ id }) => id),
      predecessor,
    );
    this.sites = sealed.contract.organisations.map(({ id }) => new MemorySite(sealed, id, overlays[id]));
    for (const site of this.sites)
      must(site.handle({ type: 'trust-boot-key', bootKey: this.enclave.environment.signer.publicKey }));
  }

  /** The same study at this moment: what happens to one of the two does not happen to the other. */
  fork(): MemoryStudy {
    const copy = { enclave: this.enclave.fork(), sites: this.sites.map((site) => site.fork()) };
    return Object.assign(Object.create(MemoryStudy.prototype) as MemoryStudy, this, copy);
  }

  /** The site of `id`; throws when the study has none. */
  site(id: string): MemorySite {
    const found = this.sites.find(({ environment }) => environment.organisation === id);
    if (found === undefined) throw new Error(`no site ${id}`);
    return found;
  }

  /** Shows every statement that a site has not seen; returns refusals by site. */
  catchUp(sites: readonly MemorySite[] = this.sites, at: Instant = START): void {
    for (const site of sites) {
      for (const statement of this.enclave.statements().slice(site.state.chain.length)) must(site.see(statement, at));
    }
  }

  open(round: number, attempt = 1, at: Instant = START): void {
    must(this.enclave.handle({ type: 'open-round', at, round, attempt }));
    this.catchUp();
  }

  commit(sites: readonly MemorySite[] = this.sites, at: Instant = START): void {
    for (const site of sites) {
      const { commit, endorsement } = site.activity('committed');
      const from = site.environment.organisation;
      must(this.enclave.handle({ type: 'receive-commit', at, from, commit, endorsement }));
    }
  }

  lock(at: Instant = START): void {
    must(this.enclave.handle({ type: 'lock-cohort', at }));
    this.catchUp();
  }

  upload(sites: readonly MemorySite[] = this.sites): void {
    for (const site of sites) must(this.uploadOne(site, site.payload()));
  }

  uploadOne(site: MemorySite, payload: Uint8Array): Decision {
    const from = site.environment.organisation;
    const commit = updateCommitment(payload.subarray(0, 32), payload.subarray(32));
    must(
      site.handle({ type: 'finish-training', parent: site.state.model.digest, commit, payloadBytes: payload.length }),
    );
    const announced = this.enclave.handle({ type: 'receive-header', from, header: site.activity('uploading').header });
    return announced.ok ? this.enclave.handle({ type: 'receive-update', from, payload }) : announced;
  }

  close(at: Instant = START): void {
    must(this.enclave.handle({ type: 'close-collection', at, salt: digestOf('result salt') }));
    this.catchUp();
  }

  acknowledge(sites: readonly MemorySite[] = this.sites, at: Instant = START): void {
    for (const site of sites) {
      const { acknowledgement } = site.activity('acknowledged');
      const { endorsement } = site;
      const from = site.environment.organisation;
      must(this.enclave.handle({ type: 'receive-acknowledgement', at, from, acknowledgement, endorsement }));
    }
  }

  deliver(sites: readonly MemorySite[] = this.sites): void {
    this.catchUp(sites);
    for (const site of sites)
      must(site.handle({ type: 'receive-release', bundle: this.enclave.bundle(), weights: this.enclave.weights() }));
  }

  /** One undisturbed round of all sites, updates arriving in the order of `arrival`. */
  run(round: number, arrival: readonly MemorySite[] = this.sites): void {
    this.open(round);
    this.commit(arrival);
    this.lock();
    this.upload(arrival);
    this.close();
    this.acknowledge(arrival);
    this.deliver();
  }
}

export function must<T>(result: Result<T, Refusal>): T {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.detail}`);
  return result.value;
}
