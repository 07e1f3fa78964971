import { describe, expect, it } from 'vitest';
import { contractEvidencePolicy, platformMeasurement } from '../../../lib/attestation/hardware-verifier.ts';
import { POLICY_FORMAT } from '../../../lib/attestation/policy/policy.ts';
import type { PolicyDocument } from '../../../lib/contract/appraisal-policy.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import { hardwarePolicy } from '../../support/test-contract.ts';
import { ENCLAVE_POLICY, HardwareStudy } from '../../support/hardware-study.ts';
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
