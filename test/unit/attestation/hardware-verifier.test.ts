import { describe, expect, it } from 'vitest';
import { contractEvidencePolicy, platformMeasurement } from '../../../lib/attestation/hardware-verifier.ts';
import { POLICY_FORMAT } from '../../../lib/attestation/policy/policy.ts';
import type { PolicyDocument } from '../../../lib/contract/appraisal-policy.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { hardwarePolicy } from '../../support/test-contract.ts';
import type { DeviceAttester } from '../../../lib/channel/evidence-exchange.ts';
import { deviceNonce } from '../../../lib/attestation/composite/device-binding.ts';
import { evidenceOf, nvidiaAuthority } from '../../authorities/nvidia-authority.ts';
import { COLLATERAL, ENCLAVE_POLICY, HardwareStudy, ROOTS } from '../../support/hardware-study.ts';
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
