import { describe, expect, it } from 'vitest';
import {
  contractEvidencePolicy,
  hardwareVerifiers,
  platformMeasurement,
} from '../../../lib/attestation/hardware-verifier.ts';
import { POLICY_FORMAT } from '../../../lib/attestation/policy/policy.ts';
import type { PolicyDocument } from '../../../lib/contract/appraisal-policy.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { digestOf, hardwarePolicy, testContract } from '../../support/test-contract.ts';
import { encodeBundle } from '../../../lib/attestation/collateral/bundle.ts';
import type { Collateral } from '../../../lib/attestation/collateral/collateral.ts';
import { encodeEvidence } from '../../../lib/attestation/evidence.ts';
import { ReportData } from '../../../lib/attestation/report-data.ts';
import { verifierRegistry } from '../../../lib/attestation/verifier.ts';
import { publicationAppraiser } from '../../../lib/audit/appraise-publication.ts';
import type { Publication } from '../../../lib/audit/passport-bundle.ts';
import { instant, type PublicKey } from '../../../lib/core/ids.ts';
import { intelAuthority, intelCollateral, tcbInfo, tdxQuote } from '../../authorities/intel-authority.ts';
import type { DeviceAttester } from '../../../lib/channel/evidence-exchange.ts';
import { deviceNonce } from '../../../lib/attestation/composite/device-binding.ts';
import { evidenceOf, nvidiaAuthority } from '../../authorities/nvidia-authority.ts';
import { COLLATERAL, ENCLAVE_POLICY, HardwareStudy, intel, ROOTS } from '../../support/hardware-study.ts';
import { codeOf, handshake, opened } from '../channel/simulated-session.ts';

describe('a session between TDX and SEV-SNP', () => {
  it('is opened when both sides show what the contract wants', async () => {
    const { site, enclave } = await opened(new HardwareStudy());
    expect(site.peer.result).toMatchObject({ status: 'affirming', platform: 'tdx', simulated: false });
    expect(enclave.peer.result).toMatchObject({ status: 'affirming', platform: 'sev-snp', simulated: false });
    const { claims } = site.peer.result;
    expect(claims).toMatchObject({
      debug: false,
      role: null,
      issuedAt: null,
      instance: '0123456789abcdef0123456789abcdef',
    });
  });

  it('is refused without the collateral that a verdict needs, before the site shows anything', async () => {
    const { site, enclave } = await handshake(new HardwareStudy({ collateral: [] }));
    expect(codeOf(site)).toBe('E-ATTEST-COLLATERAL');
    expect(codeOf(enclave)).toBe('E-ATTEST-COLLATERAL');
  });
});

describe('a session with a GPU beside the processor', () => {
  const nvidia = nvidiaAuthority();
  const document = { ...ENCLAVE_POLICY, revocation: 'accept-absent', 'nvidia-gpu': { gpus: 1 } };
  const collateral = [...COLLATERAL, ...nvidia.rims(), ...nvidia.answers()];
  const roots = { ...ROOTS, 'nvidia-device': nvidia.roots['nvidia-device'], 'nvidia-rim': nvidia.roots['nvidia-rim'] };
  const study = (): HardwareStudy => new HardwareStudy({ policies: { enclave: document }, collateral, roots });
  /** One device whose nonce `ask` makes of the session's. */
  const device = (ask: (sessionNonce: Uint8Array) => Uint8Array): DeviceAttester => ({
    attest: async (sessionNonce) => [evidenceOf(nvidia.gpu({ nonce: ask(sessionNonce) }))],
  });
  const own = device((sessionNonce) => deviceNonce(sessionNonce, 0));

  it('is opened when the GPU answered this session', async () => {
    await opened(study(), { enclave: { devices: own } });
  });

  it.each<[string, DeviceAttester | undefined, string]>([
    ['no GPU attests', undefined, 'E-ATTEST-POLICY'],
    ['the GPU answered another session', device(() => new Uint8Array(32).fill(7)), 'E-ATTEST-BINDING'],
    ['the GPU was asked as the second of two', device((nonce) => deviceNonce(nonce, 1)), 'E-ATTEST-BINDING'],
    ['it is no evidence at all', { attest: async () => [new Uint8Array(9)] }, 'E-ATTEST-MALFORMED'],
    [
      'one GPU answers for two',
      { attest: async (nonce) => [...(await own.attest(nonce)), ...(await own.attest(nonce))] },
      'E-ATTEST-POLICY',
    ],
  ])('is refused when %s', async (_, devices, code) => {
    const { site } = await handshake(study(), { enclave: { devices } });
    expect(site.ok ? [] : `${site.error.code} ${site.error.detail}`).toContain(code);
  });
});

describe('the policy document of a contract', () => {
  const fault = (evidence: PolicyDocument | null): string => {
    const policy = contractEvidencePolicy({ ...hardwarePolicy, evidence });
    return policy.ok ? 'read' : `${policy.error.code} ${policy.error.detail}`;
  };

  it.each<[string, PolicyDocument | null, RegExp]>([
    ['nothing', null, /no policy/],
    ['another format', { format: 'v9', tdx: {} }, /format/],
    ['an unknown key', { format: POLICY_FORMAT, tdx: { mrdt: ['7d'.repeat(48)] } }, /mrdt/],
    ['any program', { ...ENCLAVE_POLICY, anyProgram: true }, /anyProgram/],
    ['programs under a debugger', { ...ENCLAVE_POLICY, simulation: true }, /simulation/],
    ['GPUs without a number', { ...ENCLAVE_POLICY, 'nvidia-gpu': {} }, /nvidia-gpu\.gpus/],
  ])('is refused when it says %s', (_, document, words) => {
    expect(fault(document)).toMatch(/^E-CONTRACT-INVALID /);
    expect(fault(document)).toMatch(words);
  });

  it('is read when it names a program', () => {
    expect(fault(ENCLAVE_POLICY)).toBe('read');
  });
});

describe('the measurement that statements name', () => {
  const tdx = { format: 'tdx', measurements: { MRTD: 'aa', RTMR0: 'bb' } } as const;

  it('depends on platform, names and values, not on their order', () => {
    const digests = [
      tdx,
      { ...tdx, measurements: { RTMR0: 'bb', MRTD: 'aa' } },
      { ...tdx, format: 'dstack' as const },
      { ...tdx, measurements: { MRTD: 'bb', RTMR0: 'aa' } },
      { ...tdx, measurements: { MRTD: 'aabb', RTMR0: '' } },
    ].map((claims) => toHex(platformMeasurement(claims)));
    expect(digests[1]).toBe(digests[0]);
    expect(new Set(digests).size).toBe(4);
  });
});

describe('published evidence of a TDX enclave, read later', () => {
  const at = instant(Date.parse('2026-06-01T00:00:00Z'));
  const { contract, ...sealed } = testContract({
    environment: 'production',
    validity: { notBefore: at, notAfter: instant(at + 365 * 86_400_000) },
    appraisal: { enclave: { ...hardwarePolicy, platforms: ['tdx'], evidence: ENCLAVE_POLICY }, site: hardwarePolicy },
  });
  const head = { counter: 1, digest: digestOf('head') };
  const [bootKey, genesis] = [digestOf('boot key') as Uint8Array as PublicKey, digestOf('genesis')];
  const vouched = { bootKey, contractDigest: sealed.digest, genesisDigest: genesis, headDigest: head.digest };
  const reportData = ReportData.bytesOf(ReportData.ofPublication(vouched));
  const record = {
    format: 'consilium/publication/v1',
    bootKey,
    contract: sealed.digest,
    genesis,
    head,
    at,
    evidence: encodeEvidence({ platform: 'tdx', bytes: tdxQuote(intel, { reportData }) }),
    collateral: encodeBundle(intelCollateral(intel, 'tdx')),
  } as const;
  const yearsLater = instant(Date.parse('2029-01-01T00:00:00Z'));
  const read = (change: Partial<Publication> = {}, own: Collateral = []): readonly string[] => {
    const source = { current: () => own, newestSignedMs: () => yearsLater - 1 };
    const registry = verifierRegistry(hardwareVerifiers({ collateral: source, roots: ROOTS }));
    const appraise = publicationAppraiser(registry, 'production', () => yearsLater);
    return appraise({ ...record, ...change }, { contract, ...sealed }).refusals.map(({ code }) => code);
  };

  it('holds with the collateral that it brings, although all of it has expired since', () => {
    expect(read()).toEqual([]);
  });

  it('holds beside newer collateral of the reader’s own', () => {
    const now = { ...intel, at: new Date(yearsLater) };
    expect(
      read({}, [...intelCollateral(now, 'tdx'), tcbInfo(now, { tee: 'tdx', levels: [{ status: 'OutOfDate' }] })]),
    ).toEqual([]);
  });

  it.each<[string, Partial<Publication>, string]>([
    ['without collateral', { collateral: new Uint8Array() }, 'E-ATTEST-COLLATERAL'],
    ['with a bundle that cannot be read', { collateral: new Uint8Array(9) }, 'E-ATTEST-MALFORMED'],
    [
      'with collateral of another time than it states',
      { at: instant(Date.parse('2026-12-01T00:00:00Z')) },
      'E-ATTEST-COLLATERAL-INVALID',
    ],
    ['for another head', { head: { counter: 2, digest: digestOf('other') } }, 'E-ATTEST-BINDING'],
    [
      'of an Intel of its own',
      { collateral: encodeBundle(intelCollateral(intelAuthority(), 'tdx')) },
      'E-ATTEST-COLLATERAL-INVALID',
    ],
  ])('is refused %s', (_, change, code) => {
    expect(read(change)).toContain(code);
  });
});
