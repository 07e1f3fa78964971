// PROTOCOL §8 A3: a coordinator runs the right program on a machine that the contract does not list.
import { describe, expect, test } from 'vitest';
import { POLICY_FORMAT } from '../../lib/attestation/policy/policy.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { chipIdOf } from '../authorities/amd-authority.ts';
import { ENCLAVE_POLICY, HardwareStudy, intel, SITE_POLICY } from '../support/hardware-study.ts';
import { codeOf, handshake, opened, SimulatedStudy } from '../unit/channel/simulated-session.ts';

const tdx = { mrTds: ['7d'.repeat(48)] };
const snp = { measurements: ['5e'.repeat(48)] };
const enclave = (more: object): Record<string, never> => ({ format: POLICY_FORMAT, tdx: { ...tdx, ...more } }) as never;
const site = (more: object): Record<string, never> =>
  ({ format: POLICY_FORMAT, 'sev-snp': { ...snp, ...more } }) as never;

describe('A3: the right program on a machine that nobody agreed to', () => {
  test('the enclave: a hospital refuses it and shows nothing of its own', async () => {
    const allowed = new HardwareStudy({ policies: { enclave: enclave({ instances: [intel.machine.ppid] }) } });
    await opened(allowed);
    const foreign = new HardwareStudy({ policies: { enclave: enclave({ instances: ['aa'.repeat(16)] }) } });
    const outcome = await handshake(foreign);
    expect([codeOf(outcome.site), codeOf(outcome.enclave)]).toEqual(['E-ATTEST-INSTANCE', 'E-ATTEST-INSTANCE']);
    expect(foreign.quotes).toBe(0);
  });

  test('a hospital: the enclave refuses it', async () => {
    await opened(new HardwareStudy({ policies: { site: site({ chips: [toHex(chipIdOf('genoa'))] }) } }));
    const outcome = await handshake(new HardwareStudy({ policies: { site: site({ chips: ['bb'.repeat(64)] }) } }));
    expect(codeOf(outcome.enclave)).toBe('E-ATTEST-INSTANCE');
  });

  test('a machine of a kind that the contract leaves out is refused by its platform alone', async () => {
    const swapped = new HardwareStudy({ policies: { enclave: SITE_POLICY, site: ENCLAVE_POLICY } });
    const outcome = await handshake(swapped);
    expect(codeOf(outcome.site)).toBe('E-ATTEST-PLATFORM');
  });

  test('a simulated machine outside the list is refused as well', async () => {
    const outcome = await handshake(new SimulatedStudy(), { enclaveLies: { instance: 'another-machine' } });
    expect(codeOf(outcome.site)).toBe('E-ATTEST-INSTANCE');
  });
});
