// PROTOCOL §8 A4: weaker suite, older policy, stale collateral or CRL, frozen clock.
import { describe, expect, test } from 'vitest';
import { encodeHello, SUITE, VERSION } from '../../lib/channel/handshake-messages.ts';
import { acceptSiteSession } from '../../lib/channel/accept-site-session.ts';
import { duplexPair } from '../../lib/channel/duplex-pair.ts';
import { systemRandom } from '../../lib/channel/random.ts';
import { amdList, collateralOf } from '../authorities/amd-authority.ts';
import {
  intelAuthority,
  intelCollateral,
  intelList,
  qeIdentity,
  tcbInfo,
  tdxQuote,
} from '../authorities/intel-authority.ts';
import { amd, attesterOf, chip, COLLATERAL, HardwareStudy, intel } from '../support/hardware-study.ts';
import { codeOf, CONTRACT, digestOf, handshake, meet, opened } from '../unit/channel/simulated-session.ts';

const DAY_MS = 86_400_000;
const AT = Date.parse('2026-06-01T00:00:00Z');

describe('A4: whoever is between the parties offers them something older or weaker', () => {
  test.each([
    ['another suite', { suite: `${SUITE}-weak` }],
    ['another version', { version: VERSION + 1 }],
  ])('%s in Hello is declined: there is no negotiation', async (_, change) => {
    const study = new HardwareStudy();
    const pair = duplexPair();
    const accepting = acceptSiteSession(study.enclaveOptions(pair.enclave));
    const hello = { version: VERSION, suite: SUITE, contractDigest: CONTRACT, nonce: systemRandom(32), ...change };
    await pair.site.send(encodeHello(hello));
    const outcome = await meet(study, accepting, accepting);
    expect(codeOf(outcome.enclave)).toMatch(/^E-(?:CHANNEL-VERSION|MESSAGE-INVALID)$/);
    expect(study.quotes).toBe(0);
  });

  test('an older policy is another contract', async () => {
    const study = new HardwareStudy();
    const outcome = await handshake(study, { enclave: { contractDigest: digestOf('the contract before') } });
    expect(codeOf(outcome.site)).toBe('E-CHANNEL-CONTRACT');
  });

  test('collateral of last season is no collateral', async () => {
    // Signed by Intel, when the machine was still up to date; its dates are over.
    const then = { ...intel, at: new Date(AT - 90 * DAY_MS) };
    const old = [tcbInfo(then, { tee: 'tdx' }), qeIdentity(then, { tee: 'tdx' })];
    const lists = [intelList(intel, intel.ca), intelList(intel, intel.root)];
    const stale = [...old, ...lists, ...COLLATERAL.filter(({ kind }) => kind === 'certificate')];
    const outcome = await handshake(new HardwareStudy({ collateral: stale }));
    expect(codeOf(outcome.site)).toBe('E-ATTEST-COLLATERAL-INVALID');
  });

  test('of old and new collateral the new one counts, whatever the order', async () => {
    const outdated = tcbInfo(intel, {
      tee: 'tdx',
      levels: [{ status: 'OutOfDate' }],
      overrides: { tcbEvaluationDataNumber: 21 },
    });
    for (const collateral of [
      [outdated, ...COLLATERAL],
      [...COLLATERAL, outdated],
    ]) {
      const outcome = await handshake(new HardwareStudy({ collateral }));
      expect(codeOf(outcome.site)).toBe('E-ATTEST-TCB');
    }
  });

  test('a revocation list from before the revocation is over before it helps', async () => {
    const fresh = COLLATERAL.filter(({ kind }) => kind !== 'revocation-list');
    const expired = [intelList({ ...intel, at: new Date(AT - 90 * DAY_MS) }, intel.ca), intelList(intel, intel.root)];
    const outcome = await handshake(new HardwareStudy({ collateral: [...fresh, ...expired, amdList(amd.ark)] }));
    expect(codeOf(outcome.site)).toBe('E-ATTEST-COLLATERAL-INVALID');
  });

  test('an old list beside a new one does not undo a revocation', async () => {
    const revoking = amdList(amd.ark, ['00']);
    for (const lists of [
      [amdList(amd.ark), revoking],
      [revoking, amdList(amd.ark)],
    ]) {
      const collateral = [...intelCollateral(intel, 'tdx'), ...collateralOf(amd.ark, amd.ask, chip), ...lists];
      const outcome = await handshake(new HardwareStudy({ collateral }));
      expect(codeOf(outcome.enclave)).toBe('E-ATTEST-REVOKED');
    }
  });

  test('a frozen clock revives nothing: time is at least what a vendor has signed', async () => {
    await opened(new HardwareStudy());
    const later = new HardwareStudy({ newestSignedMs: AT + 60 * DAY_MS });
    expect(later.clock.now()).toBe(AT);
    const outcome = await handshake(later);
    expect(codeOf(outcome.site)).toBe('E-ATTEST-COLLATERAL-INVALID');
  });

  test('a machine that lost its standing is refused at the next challenge, not at the next session', async () => {
    const collateral = [...COLLATERAL];
    const study = new HardwareStudy({ collateral });
    const { site } = await opened(study);
    collateral.unshift(
      tcbInfo(intel, { tee: 'tdx', levels: [{ status: 'Revoked' }], overrides: { tcbEvaluationDataNumber: 22 } }),
    );
    const ended = site.next().catch((fault: unknown) => fault);
    await study.clock.advance(2 * 300_000);
    expect(await ended).toMatchObject({ refusals: [{ code: 'E-ATTEST-TCB' }] });
  });

  test('evidence under another Intel than the pinned one is not genuine, whatever collateral comes along', async () => {
    const other = intelAuthority();
    const attesters = { enclave: attesterOf('tdx', (reportData) => tdxQuote(other, { reportData })) };
    const collateral = [...COLLATERAL, ...intelCollateral(other, 'tdx')];
    const outcome = await handshake(new HardwareStudy({ attesters, collateral }));
    expect(codeOf(outcome.site)).toBe('E-ATTEST-SIGNATURE');
  });
});
