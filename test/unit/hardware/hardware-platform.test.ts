import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { acceptItems } from '../../../lib/attestation/collateral/collateral-state.ts';
import { updateFolder } from '../../../lib/attestation/collateral-folder/collateral-folder.ts';
import { ReportData } from '../../../lib/attestation/report-data.ts';
import { RefusalError, type Refusal } from '../../../lib/core/errors.ts';
import { hash } from '../../../lib/core/hash.ts';
import { instant, type PublicKey } from '../../../lib/core/ids.ts';
import { toHex, utf8 } from '../../../lib/core/bytes.ts';
import type { AttestationSettings } from '../../../lib/config/program-fields.ts';
import { openHardwareEnclavePlatform, openHardwarePlatform } from '../../../lib/hardware/hardware-platform.ts';
import type { MachinePorts } from '../../../lib/hardware/own-attester.ts';
import { collateralOf, snpReport, type ReportParts } from '../../authorities/amd-authority.ts';
import { tdxQuote } from '../../authorities/intel-authority.ts';
import { hardwarePolicy } from '../../support/test-contract.ts';
import { amd, chip, intel, ROOTS } from '../../support/hardware-study.ts';
import { fakeConfigfsTsm } from '../attestation/attesters/fake-configfs-tsm.ts';
import { fakeIoctl, pointed } from '../attestation/attesters/fake-ioctl.ts';

const AT = instant(Date.parse('2026-06-01T00:00:00Z'));
const SECRET = Uint8Array.from({ length: 32 }, (_, index) => 7 * index + 3);
let folder = '';

beforeAll(() => {
  vi.useFakeTimers({ now: AT, toFake: ['Date'] });
  folder = join(mkdtempSync(join(tmpdir(), 'hardware-')), 'collateral');
  updateFolder(folder, (state) => {
    const accepted = acceptItems(state, collateralOf(amd.ark, amd.ask, chip), ROOTS);
    if (!accepted.ok) throw new RefusalError(...(accepted.error as readonly [Refusal]));
    return { state: accepted.value.state, result: null };
  });
});
afterAll(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

async function refusalsOf(promise: Promise<unknown>): Promise<readonly Refusal[]> {
  const fault: unknown = await promise.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(fault instanceof RefusalError)) throw new Error('not refused', { cause: fault });
  return fault.refusals;
}

const absent = (code: string) => async (): Promise<never> => {
  throw Object.assign(new Error(code), { code });
};

/** A guest on AMD whose chip the fake AMD certified: kernel interface, host's table, key derivation. */
function machine(change: Partial<MachinePorts> = {}, report: ReportParts = {}): MachinePorts {
  const { files } = fakeConfigfsTsm({
    provider: 'sev_guest',
    report: (inblob) => snpReport(chip, { ...report, reportData: inblob }),
  });
  return {
    files: { ...files, mayUse: absent('ENOENT') },
    dstack: { call: absent('ENOENT') },
    koffiLoads: async () => true,
    findProgram: async () => null,
    ioctl: fakeIoctl(({ argument }) => {
      pointed(argument, 16).bytes.set(SECRET, 32);
    }),
    ...change,
  };
}

const settings = (change: Partial<AttestationSettings> = {}): AttestationSettings => ({
  platform: 'auto',
  collateral: folder,
  ...change,
});
const options = (ports = machine(), change: Partial<AttestationSettings> = {}) => ({
  settings: settings(change),
  machine: ports,
  warn: () => undefined,
  roots: ROOTS,
});

const published = ReportData.ofPublication({
  bootKey: hash('seed', utf8('boot')) as Uint8Array as PublicKey,
  contractDigest: hash('seed', utf8('contract')),
  genesisDigest: hash('seed', utf8('genesis')),
  headDigest: hash('seed', utf8('head')),
});

describe('the platform of a production program', () => {
  it('finds its machine, attests, and verifies evidence of the same kind', async () => {
    const { attester, verifiers } = await openHardwarePlatform(options());
    const envelope = await attester.attest(published);
    const result = verifiers.verify(envelope, {
      environment: 'production',
      role: 'enclave',
      reportData: ReportData.bytesOf(published),
      policy: { ...hardwarePolicy, evidence: { ...hardwarePolicy.evidence, revocation: 'accept-absent' } },
      at: AT,
    });
    expect(result).toMatchObject({ status: 'affirming', platform: 'sev-snp', simulated: false });
  });

  it('gives the enclave its sealing key, the same after a restart, and the digest of its registers', async () => {
    const [one, again] = [await openHardwareEnclavePlatform(options()), await openHardwareEnclavePlatform(options())];
    expect(one.sealingKey).toHaveLength(32);
    expect(toHex(one.sealingKey)).not.toBe(toHex(SECRET));
    expect(again.sealingKey).toEqual(one.sealingKey);
    expect(again.software).toEqual(one.software);
    const other = machine({}, { alter: (bytes) => bytes.fill(0x66, 0x90, 0xc0) });
    expect((await openHardwareEnclavePlatform(options(other))).software).not.toEqual(one.software);
  });

  it('is refused without settings', async () => {
    const refused = await refusalsOf(openHardwarePlatform({ ...options(), settings: undefined }));
    expect(refused).toMatchObject([{ code: 'E-CONFIG' }]);
  });

  it('says what it looked for where there is no TEE', async () => {
    const none = machine({ files: { ...machine().files, makeFolder: absent('ENOENT'), read: absent('ENOENT') } });
    const [refused] = await refusalsOf(openHardwarePlatform(options(none)));
    expect(refused?.code).toBe('E-ATTEST-PLATFORM');
    for (const name of ['tdx', 'sev-snp', 'sgx', 'nitro', 'dstack', 'azure']) expect(refused?.detail).toContain(name);
  });

  it('is refused where the collateral cannot be read', async () => {
    const refused = await refusalsOf(openHardwarePlatform(options(machine(), { collateral: join(folder, 'nowhere') })));
    expect(refused[0]?.code).toMatch(/^E-STORE-/);
  });

  it('does not start an enclave without a sealing key', async () => {
    const { files } = fakeConfigfsTsm({
      provider: 'tdx_guest',
      report: (inblob) => tdxQuote(intel, { reportData: inblob }),
    });
    const tdx = machine({ files: { ...files, mayUse: absent('ENOENT') } });
    expect(await refusalsOf(openHardwareEnclavePlatform(options(tdx)))).toMatchObject([{ code: 'E-SEAL-UNAVAILABLE' }]);
    await openHardwarePlatform(options(tdx));
  });

  it.each<[string, ReportParts, string]>([
    ['that may be debugged', { policy: 0xb0000n }, 'E-ATTEST-DEBUG'],
    ['whose chip signs wrongly', { alter: (bytes) => bytes.writeUInt32LE(7, 0x34) }, 'E-ATTEST-MALFORMED'],
    ['whose firmware lies about its version', { reported: new Uint8Array(8).fill(9) }, 'E-ATTEST-MISMATCH'],
  ])('does not start an enclave %s', async (_, report, code) => {
    const refused = await refusalsOf(openHardwareEnclavePlatform(options(machine({}, report))));
    expect(refused.map((each) => each.code)).toContain(code);
  });

  it('does not start an enclave under another root than the vendor’s', async () => {
    const { roots: _, ...genuine } = options();
    const [refused] = await refusalsOf(openHardwareEnclavePlatform(genuine));
    expect(refused).toMatchObject({ code: 'E-ATTEST-SIGNATURE' });
    expect(refused?.detail).toContain('own evidence');
  });
});
