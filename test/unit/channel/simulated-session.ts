import { SimulatedChip, type ChipLies } from '../../../lib/attestation/simulated/chip.ts';
import { simulatedVerifier } from '../../../lib/attestation/simulated/verify-simulated.ts';
import { verifierRegistry } from '../../../lib/attestation/verifier.ts';
import type { Attester } from '../../../lib/attestation/attester.ts';
import type { Role } from '../../../lib/attestation/claims.ts';
import type { AppraisalPolicy } from '../../../lib/contract/appraisal-policy.ts';
import type { Head } from '../../../lib/contract/shapes.ts';
import { acceptSiteSession, type EnclaveSessionOptions } from '../../../lib/channel/accept-site-session.ts';
import { attestationBatcher } from '../../../lib/channel/attestation-batcher.ts';
import { duplexPair, type Tap } from '../../../lib/channel/duplex-pair.ts';
import type { FrameDuplex } from '../../../lib/channel/duplex.ts';
import type { Appraisal } from '../../../lib/channel/evidence-exchange.ts';
import { openSiteSession, type SiteSessionOptions } from '../../../lib/channel/open-site-session.ts';
import { systemRandom } from '../../../lib/channel/random.ts';
import type { AttestedSession } from '../../../lib/channel/session.ts';
import { utf8 } from '../../../lib/core/bytes.ts';
import { signerFromSeed } from '../../../lib/core/ed25519.ts';
import type { Refusal } from '../../../lib/core/errors.ts';
import { hash } from '../../../lib/core/hash.ts';
import { organisationId, type Digest } from '../../../lib/core/ids.ts';
import { ok, type Result } from '../../../lib/core/result.ts';
import { FakeClock } from './fake-clock.ts';

export const digestOf = (text: string): Digest => hash('seed', utf8(text));
export const headOf = (counter: number, text: string): Head => ({ counter, digest: digestOf(text) });
export const CONTRACT = digestOf('contract');
export const INTERVAL_MS = 300_000;
export const MEASUREMENTS = { enclave: digestOf('enclave code'), site: digestOf('site code') };

/** A study in one process: one chip per side under one root, the policies of a contract, a fake clock. */
export class SimulatedStudy {
  readonly clock = new FakeClock();
  readonly rootSeed = digestOf('root');
  readonly bootSigners = { enclave: signerFromSeed(digestOf('boot E')), site: signerFromSeed(digestOf('boot S')) };
  quotes = 0;

  chip(instance: string, lies: ChipLies = {}): SimulatedChip {
    return new SimulatedChip({ rootSeed: this.rootSeed, instance, lies, now: () => this.clock.now() });
  }

  attester(role: Role, lies: ChipLies = {}): Attester {
    const attester = this.chip(`${role}-machine`, lies).attesterFor({ measurement: MEASUREMENTS[role], role });
    return {
      attest: (reportData) => {
        this.quotes += 1;
        return attester.attest(reportData);
      },
    };
  }

  policy(role: Role): AppraisalPolicy {
    return {
      platforms: ['simulated'],
      measurements: [MEASUREMENTS[role]],
      instances: [`${role}-machine`],
      minSvn: 1,
      evidence: null,
    };
  }

  /** How one side judges a peer of `role`. */
  appraisalOf(role: Role): Appraisal {
    const roots = [this.chip('any').root];
    return {
      registry: verifierRegistry([simulatedVerifier({ roots })]),
      policy: this.policy(role),
      environment: 'simulation',
    };
  }

  siteOptions(duplex: FrameDuplex, lies: ChipLies = {}): SiteSessionOptions {
    return {
      duplex,
      contractDigest: CONTRACT,
      reattestIntervalMs: INTERVAL_MS,
      appraisal: this.appraisalOf('enclave'),
      attester: attestationBatcher({ attester: this.attester('site', lies), clock: this.clock, windowMs: 0 }),
      head: () => headOf(3, 'head of the site'),
      credentials: () => ({
        bootKey: this.bootSigners.site.publicKey,
        organisation: organisationId('st-anna'),
        endorsement: utf8('endorsement'),
      }),
      clock: this.clock,
      random: systemRandom,
    };
  }

  enclaveOptions(duplex: FrameDuplex, lies: ChipLies = {}): EnclaveSessionOptions {
    return {
      duplex,
      contractDigest: CONTRACT,
      reattestIntervalMs: INTERVAL_MS,
      appraisal: this.appraisalOf('site'),
      attester: attestationBatcher({ attester: this.attester('enclave', lies), clock: this.clock, windowMs: 0 }),
      head: () => headOf(4, 'head of the enclave'),
      bootKey: this.bootSigners.enclave.publicKey,
      admit: async () => ok(null),
      clock: this.clock,
      random: systemRandom,
    };
  }
}

export interface Outcome {
  readonly site: Result<AttestedSession, Refusal>;
  readonly enclave: Result<AttestedSession, Refusal>;
}

/** After this much fake time nothing but time-outs is to be expected. */
const HASTY_MS = 500;

/** Runs both sides to their end; `patienceMs` of fake time, so that a side that waits for ever shows. */
export async function meet(
  study: SimulatedStudy,
  opening: Promise<Result<AttestedSession, Refusal>>,
  accepting: Promise<Result<AttestedSession, Refusal>>,
  patienceMs = 70_000,
): Promise<Outcome> {
  const progress = { done: false };
  const both = Promise.all([opening, accepting]).finally(() => {
    progress.done = true;
  });
  both.catch(() => undefined);
  for (let passed = 0; !progress.done && passed < patienceMs;) {
    const stepMs = passed < HASTY_MS ? 10 : 1_000;
    await study.clock.advance(stepMs, stepMs);
    passed += stepMs;
  }
  const [site, enclave] = await both;
  return { site, enclave };
}

export interface Variation {
  readonly taps?: { toEnclave?: Tap; toSite?: Tap };
  readonly siteLies?: ChipLies;
  readonly enclaveLies?: ChipLies;
  readonly site?: Partial<SiteSessionOptions>;
  readonly enclave?: Partial<EnclaveSessionOptions>;
}

/** One handshake over an in-process duplex. */
export async function handshake(study: SimulatedStudy, variation: Variation = {}): Promise<Outcome> {
  const { taps, siteLies, enclaveLies, site, enclave } = variation;
  const pair = duplexPair(taps);
  return meet(
    study,
    openSiteSession({ ...study.siteOptions(pair.site, siteLies), ...site }),
    acceptSiteSession({ ...study.enclaveOptions(pair.enclave, enclaveLies), ...enclave }),
  );
}

/** The two open sessions of a handshake that must succeed. */
export async function opened(study: SimulatedStudy, variation: Variation = {}) {
  const { site, enclave } = await handshake(study, variation);
  if (!site.ok || !enclave.ok) throw new Error(JSON.stringify({ site, enclave }));
  return { site: site.value, enclave: enclave.value };
}

export const codeOf = (outcome: Result<unknown, Refusal>): string => (outcome.ok ? 'accepted' : outcome.error.code);
