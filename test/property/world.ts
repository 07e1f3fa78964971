import { isDurable, type EnclaveCommand, type EnclaveEvent } from '../../aggregator-enclave/event.ts';
import { evolve as evolveEnclave } from '../../aggregator-enclave/evolve.ts';
import type { EnclaveState } from '../../aggregator-enclave/state.ts';
import { decide as decideCoordinator } from '../../coordinator/decider.ts';
import { effectsOf, type CoordinatorCommand, type CoordinatorEffect } from '../../coordinator/event.ts';
import { evolve as evolveCoordinator } from '../../coordinator/evolve.ts';
import { INITIAL_STATE, type CoordinatorEnvironment, type CoordinatorState } from '../../coordinator/state.ts';
import type { SignedStatement } from '../../lib/audit/statement.ts';
import type { SealedContract } from '../../lib/contract/study-contract.ts';
import type { OrganisationId } from '../../lib/core/ids.ts';
import { initialWeights } from '../../lib/learning/initial-weights.ts';
import { updateCommitment } from '../../lib/learning/update-codec.ts';
import { evolve as evolveSite } from '../../site-agent/evolve.ts';
import { initialSiteState, type SiteState } from '../../site-agent/state.ts';
import { MemoryEnclave, MemoryStudy, must, type MemorySite } from '../support/study-in-memory.ts';
import { digestOf, START, testApproval } from '../support/test-contract.ts';

type Advance = Extract<CoordinatorEffect, { type: 'advance' }>;

/**
 * The three deciders with a network between them that keeps everything ever sent: whoever drives this world decides
 * what arrives, how often, in which order, and who is killed in between. Clocks stand still; timers fire when asked.
 */
export class World {
  readonly environment: CoordinatorEnvironment;
  coordinator: CoordinatorState = INITIAL_STATE;
  enclave: MemoryEnclave;
  readonly sites: readonly MemorySite[];
  /** Every event of every boot of the enclave, in the order in which it happened. */
  readonly history: EnclaveEvent[] = [];
  /** Everything that sites ever sent to the enclave. */
  readonly mail: EnclaveCommand[] = [];
  /** What the enclave told the coordinator, in order; `heard` of it arrived. */
  readonly notices: CoordinatorCommand[] = [];
  heard = 0;
  /** Actions and timers that the coordinator asked for. */
  readonly advances: Advance[] = [];
  /** Every action that ever reached the enclave. */
  readonly advanced: Advance[] = [];
  readonly timers: CoordinatorCommand[] = [];
  #boots = 1;

  constructor(sealed: SealedContract) {
    this.environment = { sealed, gatherMs: 1_000, maxAttempts: 1_000_000 };
    const study = new MemoryStudy(sealed);
    this.enclave = study.enclave;
    this.sites = study.sites;
    this.history.push(...study.enclave.log);
    for (const { id } of sealed.contract.organisations) {
      this.tellCoordinator({ type: 'receive-approval', at: START, approval: testApproval(sealed, id) });
      this.tellCoordinator({ type: 'see-site', organisation: id, connected: true });
    }
    this.tellCoordinator({ type: 'launch', rounds: sealed.contract.rounds });
  }

  get statements(): readonly SignedStatement[] {
    return this.enclave.statements();
  }

  tellCoordinator(command: CoordinatorCommand): void {
    const decision = decideCoordinator(this.environment, this.coordinator, command);
    if (!decision.ok) return;
    for (const event of decision.value) {
      this.coordinator = evolveCoordinator(this.coordinator, event);
      for (const effect of effectsOf(event)) {
        if (effect.type === 'advance') this.advances.push(effect);
        else if (effect.type === 'timer') this.timers.push({ ...effect, type: 'deadline' });
      }
    }
  }

  /** Refusals are as good as silence here. */
  tellEnclave(command: EnclaveCommand): void {
    const decision = this.enclave.handle(command);
    if (!decision.ok) return;
    for (const event of decision.value) {
      this.history.push(event);
      const notice = noticeOf(event, this.enclave.state);
      if (notice !== null) this.notices.push(notice);
    }
  }

  /** One thing that the coordinator asked for reaches the enclave, perhaps late, perhaps again. */
  advance(asked: Advance): void {
    const { action, round, attempt } = asked;
    const at = START;
    this.advanced.push(asked);
    switch (action) {
      case 'open-round':
        this.tellEnclave({ type: 'open-round', at, round, attempt });
        return;
      case 'lock-cohort':
      case 'close-acknowledgement':
      case 'abort-round':
        this.tellEnclave({ type: action, at });
        return;
      case 'close-collection':
        this.tellEnclave({ type: action, at, salt: digestOf(`salt ${round}/${attempt}`) });
    }
  }

  /** Statements reach a site in order, since its session is a channel; how many do is open. */
  showNext(site: MemorySite): void {
    const next = this.statements[site.state.chain.length];
    if (next !== undefined) must(site.see(next));
  }

  /** What the site does by itself: trains, then sends what its activity owes. */
  act(site: MemorySite): void {
    const { organisation: from } = site.environment;
    const { activity } = site.state;
    switch (activity.phase) {
      case 'waiting':
        this.#useNewestModel(site);
        return;
      case 'committed':
        this.#send({
          type: 'receive-commit',
          at: START,
          from,
          commit: activity.commit,
          endorsement: activity.endorsement,
        });
        return;
      case 'training': {
        const payload = site.payload();
        const commit = updateCommitment(payload.subarray(0, 32), payload.subarray(32));
        must(
          site.handle({
            type: 'finish-training',
            parent: site.state.model.digest,
            commit,
            payloadBytes: payload.length,
          }),
        );
        return;
      }
      case 'uploading':
        this.#send({ type: 'receive-header', from, header: activity.header });
        this.#send({ type: 'receive-update', from, payload: site.payload() });
        return;
      case 'acknowledged': {
        const { acknowledgement } = activity;
        const { endorsement } = site;
        this.#send({ type: 'receive-acknowledgement', at: START, from, acknowledgement, endorsement });
      }
    }
  }

  /** A kill and a boot of the enclave: what was not stored is gone, the boot key is another. */
  rebootEnclave(): void {
    this.#boots += 1;
    const { sealed } = this.environment;
    const successor = new MemoryEnclave(sealed, `boot ${this.#boots}`);
    for (const event of this.enclave.log.filter(isDurable)) {
      successor.state = evolveEnclave(successor.environment, successor.state, event);
      successor.log.push(event);
    }
    this.enclave = successor;
    const weights = initialWeights(sealed.contract.model.spec);
    this.tellEnclave({ type: 'boot', at: START, noiseRoot: digestOf('noise root'), initialWeights: weights });
    this.tellEnclave({ type: 'record-publication', publication: successor.publication() });
    const { publicKey: bootKey } = successor.environment.signer;
    for (const site of this.sites) must(site.handle({ type: 'trust-boot-key', bootKey }));
  }

  /** A kill of the site: it comes back with what its log holds. */
  rebootSite(site: MemorySite): void {
    site.state = site.log.reduce<SiteState>(evolveSite, initialSiteState(this.#initialModel()));
  }

  #send(command: EnclaveCommand): void {
    this.mail.push(command);
    this.tellEnclave(command);
  }

  #useNewestModel(site: MemorySite): void {
    const { model, released } = site.state;
    const { state } = this.enclave;
    if (model.round === released.round || state.phase === 'unborn' || state.ledger.model.round !== released.round)
      return;
    must(site.handle({ type: 'receive-release', bundle: this.enclave.bundle(), weights: this.enclave.weights() }));
  }

  #initialModel(): SiteState['model'] {
    const weights = initialWeights(this.environment.sealed.contract.model.spec);
    return { round: 0, digest: this.environment.sealed.contract.model.initialDigest, weights };
  }
}

function noticeOf(event: EnclaveEvent, state: EnclaveState): CoordinatorCommand | null {
  const step = (kind: 'commit' | 'upload' | 'acknowledge', organisation: OrganisationId): CoordinatorCommand | null => {
    const manifest = 'manifest' in state ? state.manifest.statement : null;
    if (manifest === null) return null;
    return { type: 'see-step', step: kind, organisation, round: manifest.round, attempt: manifest.attempt };
  };
  switch (event.type) {
    case 'commit-accepted':
      return step('commit', event.commit.organisation);
    case 'update-accepted':
      return step('upload', event.organisation);
    case 'acknowledgement-accepted':
      return step('acknowledge', event.organisation);
    case 'statement-issued':
    case 'result-sealed':
      return statementNotice(event.statement);
    case 'approval-recorded':
    case 'born':
    case 'header-accepted':
    case 'withdrawal-recorded':
    case 'model-loaded':
    case 'publication-recorded':
      return null;
    case 'halted':
      return { type: 'see-halt', code: event.refusal.code };
  }
}

function statementNotice({ statement }: SignedStatement): CoordinatorCommand | null {
  if (statement.type === 'genesis') return null;
  const { round, attempt } = statement;
  const about = { type: 'see-statement', round, attempt } as const;
  switch (statement.type) {
    case 'manifest':
    case 'release':
      return { ...about, statement: { type: statement.type } };
    case 'certificate':
    case 'intent':
      return { ...about, statement: { type: statement.type, members: statement.members.map((m) => m.organisation) } };
    case 'abort':
      return { ...about, statement: { type: statement.type, code: statement.code } };
  }
}
