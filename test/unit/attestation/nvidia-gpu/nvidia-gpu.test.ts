import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuthenticationInputs } from '../../../../lib/attestation/authentication.ts';
import type { Collateral } from '../../../../lib/attestation/collateral/collateral.ts';
import type { NvidiaGpuClaims } from '../../../../lib/attestation/nvidia-gpu/nvidia-claims.ts';
import { nvidiaGpu } from '../../../../lib/attestation/nvidia-gpu/nvidia-gpu.ts';
import { POLICY_FORMAT, readPolicy } from '../../../../lib/attestation/policy/policy.ts';
import { fallbackOf, readSection } from '../../../../lib/attestation/policy/policy-section.ts';
import { verifyEvidence } from '../../../../lib/attestation/verify-evidence.ts';
import {
  AT,
  FWID,
  evidenceOf,
  fwidExtension,
  measured,
  nvidiaAuthority,
  sha384,
  type Gpu,
} from '../../../authorities/nvidia-authority.ts';

const nvidia = nvidiaAuthority();
const gpu = nvidia.gpu();
const DRIVER_RIM = 'RIM NV_GPU_DRIVER_GH100_600.01';
const VBIOS_RIM = 'RIM NV_GPU_VBIOS_1010_0200_882_9600AA0001';

function verdict(bytes: Uint8Array, collateral: Collateral, inputs: Partial<AuthenticationInputs> = {}) {
  const parsed = nvidiaGpu.parse(bytes);
  if (!parsed.ok) return { failed: [parsed.error.code], missing: [], claims: null, checks: [] };
  const { roots } = nvidia;
  const all = { at: AT, roots, collateral, revocation: 'required' as const, ...inputs };
  const { checks, claims } = nvidiaGpu.authenticate(parsed.value, all);
  const bad = checks.filter(({ passed }) => !passed);
  return {
    claims,
    checks,
    failed: bad.filter(({ missing }) => missing !== true).map(({ code, name }) => `${code.slice(9)} ${name}`),
    missing: bad.filter(({ missing }) => missing === true).map(({ name }) => name),
  };
}

/** With every RIM and OCSP answer. */
const complete = (...gpus: Gpu[]) => verdict(evidenceOf(...gpus), [...nvidia.rims(), ...nvidia.answers(...gpus)]);

function claimsOf(...gpus: Gpu[]): NvidiaGpuClaims {
  const { claims, failed } = complete(...gpus);
  if (claims === null) throw new Error(failed.join());
  return claims;
}

function refusedBy(claims: NvidiaGpuClaims, section: object): string[] {
  const policy = readSection(nvidiaGpu.policy, section);
  if (!policy.ok) throw new Error(policy.error.join());
  const checks = nvidiaGpu.appraise(claims, policy.value, AT);
  return checks.filter(({ passed }) => !passed).map(({ code, name }) => `${code.slice(9)} ${name}`);
}

describe('evidence of a GPU', () => {
  it('is authentic with its RIMs and an OCSP answer for every certificate', () => {
    const { failed, missing, claims } = complete(gpu);
    expect([failed, missing]).toEqual([[], []]);
    expect(claims).toMatchObject({ instance: '41AABBCCDDEEFF0011', debug: false, held: [], reportData: null });
    expect(claims?.measurements['Measurement_7']).toBe(measured(7));
    expect(refusedBy(claimsOf(gpu), {})).toEqual([]);
  });

  it('asks nothing about a root, also where it was given twice', () => {
    const root: Collateral = [{ kind: 'certificate', der: nvidia.deviceRoot.certificate }];
    const bare = verdict(evidenceOf(gpu), [...root, ...nvidia.rims(), ...nvidia.answers(gpu)]);
    expect([bare.failed, bare.missing]).toEqual([[], []]);
  });

  it('names the RIMs that are missing', () => {
    expect(verdict(evidenceOf(gpu), nvidia.answers(gpu)).missing).toEqual([DRIVER_RIM, VBIOS_RIM]);
    const [driver] = nvidia.rims();
    const one = verdict(evidenceOf(gpu), [...(driver ? [driver] : []), ...nvidia.answers(gpu)]);
    expect([one.failed, one.missing]).toEqual([[], [VBIOS_RIM]]);
  });

  it.each([
    ['another version', { version: '600.02' }],
    ['another chip', { version: '600.01', product: 'GB100' }],
    ['a switch', { version: '600.01', edition: 'SWITCH' }],
  ])('does not take a RIM of %s', (_, parts) => {
    const text = nvidia.rim({ active: { 7: [measured(7)] }, ...parts });
    const [, vbios] = nvidia.rims();
    const collateral = [{ kind: 'rim' as const, text }, ...(vbios ? [vbios] : []), ...nvidia.answers(gpu)];
    expect(verdict(evidenceOf(gpu), collateral).missing).toEqual([DRIVER_RIM]);
  });

  it('is refused with index, got and want when a measurement differs', () => {
    const other = nvidia.gpu({ measured: { 21: sha384('something else') } });
    const { failed, checks } = complete(other);
    expect(failed).toEqual(['MEASUREMENT GPU 0 measurements', 'MEASUREMENT GPU 0 measurement 21 (M_21)']);
    expect(checks.find(({ name }) => name.includes('measurement 21'))).toMatchObject({
      got: sha384('something else'),
      want: `${sha384('another alternative')} or ${measured(21)}`,
    });
  });

  it('is refused when an active measurement was not made', () => {
    const { failed, checks } = complete(nvidia.gpu({ measured: { 21: null } }));
    expect(failed).toEqual(['MEASUREMENT GPU 0 measurements', 'MEASUREMENT GPU 0 measurement 21 (M_21)']);
    expect(checks.at(-1)?.got).toBe('not measured');
  });

  it('takes no notice of inactive measurements', () => {
    expect(complete(nvidia.gpu({ measured: { 40: sha384('whatever') } })).failed).toEqual([]);
  });

  it('is refused when both RIMs speak of one index, and when a RIM speaks of none', () => {
    const rims = (active: Record<number, string[]>): Collateral => [
      { kind: 'rim', text: nvidia.rim({ version: '600.01', active: { 7: [measured(7)] } }) },
      { kind: 'rim', text: nvidia.rim({ version: '96.00.AA.00.01', active }) },
    ];
    const both = verdict(evidenceOf(gpu), [...rims({ 7: [measured(7)] }), ...nvidia.answers(gpu)]);
    expect(both.failed).toEqual(['COLLATERAL-INVALID GPU 0 measurement 7']);
    const none: Collateral = [{ kind: 'rim', text: nvidia.rim({ version: '600.01', active: {} }) }];
    expect(verdict(evidenceOf(gpu), none, { revocation: 'accept-absent' }).failed).toEqual([
      'MEASUREMENT GPU 0 measurements',
    ]);
  });

  it('is not held to measurement 35 while its NVDEC0 is disabled, and only to that', () => {
    const change = { measured: { 35: sha384('decoder firmware') } };
    expect(complete(nvidia.gpu(change)).failed[1]).toBe('MEASUREMENT GPU 0 measurement 35 (M_35)');
    const disabled = complete(nvidia.gpu({ ...change, opaque: { 11: Buffer.of(0x55) } }));
    expect(disabled.failed).toEqual([]);
    expect(disabled.checks.find(({ name }) => name === 'GPU 0 measurements')?.got).toBe(
      '6 of 6, 35 not compared: NVDEC0 is disabled',
    );
    expect(complete(nvidia.gpu({ measured: { 35: null }, opaque: { 11: Buffer.of(0x55) } })).failed).toHaveLength(2);
  });

  it('is refused when the firmware id differs from the certificate’s', () => {
    const other = sha384('other firmware');
    const failed = ['MISMATCH GPU 0 firmware id'];
    expect(complete(nvidia.gpu({ leaf: { extensions: [fwidExtension(other)] } })).failed).toEqual(failed);
    expect(complete(nvidia.gpu({ opaque: { 20: Buffer.from(other, 'hex') } })).failed).toEqual(failed);
    expect(complete(nvidia.gpu({ leaf: { extensions: [] } })).failed).toEqual(failed);
  });

  it('needs a firmware id in the report unless the policy does without', () => {
    const claims = claimsOf(nvidia.gpu({ opaque: { 20: null } }));
    expect(refusedBy(claims, {})).toEqual(['POLICY GPU 0 firmware id']);
    expect(refusedBy(claims, { requireFirmwareId: false })).toEqual([]);
    expect(claimsOf(gpu).devices[0]?.firmwareId).toBe(FWID);
  });

  it('is refused when another key signed the report, or the certificates are of another kind of device', () => {
    const other = nvidia.gpu({ serial: '41AABBCCDDEEFF0012' });
    expect(complete(nvidia.gpu({ signWith: other.leaf })).failed).toEqual(['SIGNATURE GPU 0 report signature']);
    expect(complete(nvidia.gpu({ chip: 'LS_10 A01 FSP' })).failed).toEqual(['MISMATCH GPU 0 identity']);
  });

  it('is refused when its identity was not certified for issuing', () => {
    const leafLike = nvidia.gpu({ identity: { authority: undefined } as object });
    expect(complete(leafLike).failed).toEqual(['SIGNATURE GPU 0 chain roles']);
  });

  it.each<[string, Record<number, Uint8Array | null>]>([
    ['an unknown mode', { 36: Buffer.of(7, 0) }],
    ['two modes', { 36: Buffer.of(2, 0) }],
    ['no firmware version', { 6: null }],
    ['no project', { 17: null }],
    ['a driver version that is no text', { 3: Buffer.of(1, 2, 3) }],
    ['a firmware id of another length', { 20: Buffer.alloc(32) }],
  ])('is malformed with %s', (_, opaque) => {
    expect(complete(nvidia.gpu({ opaque })).failed).toEqual(['E-ATTEST-MALFORMED']);
  });
});

describe('evidence of several GPUs', () => {
  const second = nvidia.gpu({ serial: '41AABBCCDDEEFF0012' });

  it('is authentic as a whole, and counted', () => {
    const { failed, missing, claims } = complete(gpu, second);
    expect([failed, missing]).toEqual([[], []]);
    expect(claims?.devices.map(({ label }) => label)).toEqual(['GPU 0', 'GPU 1']);
    expect(claims?.measurements['gpu1.Measurement_7']).toBe(measured(7));
    expect(refusedBy(claimsOf(gpu, second), { gpus: 2 })).toEqual([]);
    expect(refusedBy(claimsOf(gpu, second), { gpus: 8 })).toEqual(['POLICY GPU count']);
    expect(refusedBy(claimsOf(gpu, second), { serials: ['41AABBCCDDEEFF0011'] })).toEqual([
      'INSTANCE GPU 1 serial number',
    ]);
  });

  it('is refused when one GPU stands for two, even with keys of another firmware', () => {
    expect(complete(gpu, gpu).failed).toEqual(['MISMATCH distinct devices']);
    expect(complete(gpu, nvidia.gpu()).failed).toEqual(['MISMATCH distinct devices']);
  });

  it('is refused where two GPUs cannot be told apart, since their certificates name no serial number', () => {
    const unnamed = (): Gpu => nvidia.gpu({ identity: { serialNumber: undefined } });
    expect(complete(unnamed()).failed).toEqual([]);
    expect(complete(gpu, unnamed()).failed).toEqual(['MISMATCH distinct devices']);
    expect(complete(unnamed(), unnamed()).failed).toEqual(['MISMATCH distinct devices']);
  });

  it('is refused when the GPUs run in different modes', () => {
    const mpt = nvidia.gpu({ serial: '41AABBCCDDEEFF0012', opaque: { 36: Buffer.of(1, 0) } });
    expect(complete(gpu, mpt).failed).toEqual(['MISMATCH one mode']);
  });

  it('has no common nonce when the requests had different ones', () => {
    const other = nvidia.gpu({ serial: '41AABBCCDDEEFF0012', nonce: Buffer.alloc(32, 7) });
    expect(claimsOf(gpu, second).nonce).not.toBeNull();
    expect(claimsOf(gpu, other).nonce).toBeNull();
  });

  it('needs its switches in mode PPCIE', () => {
    const ppcie = nvidia.gpu({ opaque: { 21: Buffer.of(0xaa), 36: Buffer.of(2, 0), 22: Buffer.alloc(8, 1) } });
    expect(refusedBy(claimsOf(ppcie), {})).toEqual(['POLICY GPU 0 switches']);
    expect(refusedBy(claimsOf(ppcie), { requireSwitches: false })).toEqual([]);
  });
});

describe('revocation of NVIDIA’s certificates', () => {
  const { provisioner, deviceRoot, rimSigner, rimIssuer } = nvidia;
  const cases: [string, typeof provisioner, typeof provisioner, string][] = [
    ['the device', gpu.identity, provisioner, 'GPU 0 revocation of GH100 A01 GSP BROM'],
    ['the provisioner', provisioner, deviceRoot, 'GPU 0 revocation of Fake GH100 Provisioner'],
    ['the signer of a RIM', rimSigner, rimIssuer, `${DRIVER_RIM} revocation of Fake RIM Signer`],
  ];
  /** Every RIM and answer, the one for `subject` changed. */
  const withAnswer = (subject: typeof provisioner, issuer: typeof provisioner, parts: object) => {
    const subjects = [gpu.identity, provisioner, rimSigner, rimIssuer];
    const others = nvidia.answers(gpu).filter((_, index) => subjects[index] !== subject);
    return [...nvidia.rims(), nvidia.ocsp(subject, issuer, parts), ...others];
  };

  it.each(cases)('refuses %s when revoked, however the absent is treated', (_, subject, issuer, name) => {
    for (const revocation of ['required', 'accept-absent'] as const) {
      const { failed } = verdict(evidenceOf(gpu), withAnswer(subject, issuer, { status: 'revoked', reason: 1 }), {
        revocation,
      });
      expect(failed).toContain(`REVOKED ${name}`);
      const unknown = verdict(evidenceOf(gpu), withAnswer(subject, issuer, { status: 'unknown' }), { revocation });
      expect(unknown.failed).toContain(`REVOKED ${name}`);
    }
  });

  it.each(cases)('is inconclusive without an answer for %s, or passes and says so', (_, subject, issuer, name) => {
    const stranger = nvidia.gpu({ serial: '41AABBCCDDEEFF0099' });
    const collateral = withAnswer(subject, issuer, {}).filter((item) => item.kind !== 'ocsp-response');
    const answers = [...collateral, nvidia.ocsp(stranger.identity, provisioner)];
    expect(verdict(evidenceOf(gpu), answers).missing).toContain(name);
    const accepted = verdict(evidenceOf(gpu), answers, { revocation: 'accept-absent' });
    expect([accepted.failed, accepted.missing]).toEqual([[], []]);
    expect(accepted.checks.find((check) => check.name === name)?.got).toBe('revocation: not available');
  });

  it('refuses a hold unless it is accepted, and then the policy decides', () => {
    const collateral = withAnswer(gpu.identity, provisioner, { status: 'revoked', reason: 6 });
    expect(verdict(evidenceOf(gpu), collateral).failed).toEqual([`REVOKED ${cases[0]?.[3] ?? ''}`]);
    const { claims, failed } = verdict(evidenceOf(gpu), collateral, { acceptHold: true });
    expect(failed).toEqual([]);
    if (claims === null) throw new Error('not authentic');
    expect(claims.held).toEqual([cases[0]?.[3]]);
    expect(refusedBy(claims, {})).toEqual(['REVOKED hold']);
    expect(refusedBy(claims, { allowHold: true })).toEqual([]);
    const revoked = withAnswer(gpu.identity, provisioner, { status: 'revoked', reason: 1 });
    expect(verdict(evidenceOf(gpu), revoked, { acceptHold: true }).failed).toHaveLength(1);
  });

  it('accepts a hold for whoever verifies under a policy that allows it', () => {
    const collateral = withAnswer(gpu.identity, provisioner, { status: 'revoked', reason: 6 });
    const outcome = (section: object): string => {
      const policy = readPolicy({ format: POLICY_FORMAT, 'nvidia-gpu': section });
      if (!policy.ok) throw new Error(policy.error[0].detail);
      const inputs = { format: 'auto', bytes: evidenceOf(gpu), collateral, at: AT, roots: nvidia.roots } as const;
      return verifyEvidence({ ...inputs, policy: policy.value }).outcome;
    };
    expect([outcome({}), outcome({ allowHold: true })]).toEqual(['not-authentic', 'affirming']);
  });

  it('believes the worst of several valid answers', () => {
    const newer = { thisUpdate: new Date('2026-05-31T00:00:00Z') };
    const collateral = [
      ...withAnswer(gpu.identity, provisioner, { status: 'revoked', reason: 1 }),
      nvidia.ocsp(gpu.identity, provisioner, newer),
    ];
    expect(verdict(evidenceOf(gpu), collateral).failed).toEqual([`REVOKED ${cases[0]?.[3] ?? ''}`]);
  });

  it('refuses an answer out of date where no other holds', () => {
    const stale = { nextUpdate: new Date('2026-05-31T00:00:00Z') };
    const name = `COLLATERAL-INVALID ${cases[0]?.[3] ?? ''}`;
    expect(verdict(evidenceOf(gpu), withAnswer(gpu.identity, provisioner, stale)).failed).toEqual([name]);
    const both = [...withAnswer(gpu.identity, provisioner, stale), nvidia.ocsp(gpu.identity, provisioner)];
    expect(verdict(evidenceOf(gpu), both).failed).toEqual([]);
  });
});

describe('the parser of GPU evidence', () => {
  it('reads a report as bytes, hexadecimal, Base64, and in the wrappers of other tools', () => {
    const report = gpu.report;
    const { certificate = '', evidence = '' } = gpu.evidence;
    const pem = Buffer.from(certificate, 'base64').toString();
    const der = gpu.chain.map((party) => Buffer.from(party.certificate).toString('base64'));
    const forms: (Uint8Array | string)[] = [
      report,
      Buffer.concat([report, Buffer.of(0)]),
      Buffer.from(report).toString('hex').toUpperCase(),
      `${evidence}\n`,
      JSON.stringify(gpu.evidence),
      JSON.stringify({ nonce: gpu.evidence['nonce'], arch: 'HOPPER', evidence_list: [{ certificate, evidence }] }),
      JSON.stringify({
        device_evidence_list: [
          { arch: 'Hopper', uuid: 'x', evidence: Buffer.from(report).toString('hex'), certificate: pem },
        ],
      }),
      JSON.stringify({ nvidia_payload: JSON.stringify({ evidence_list: [gpu.evidence] }) }),
      JSON.stringify({ attestationReport: evidence, attestationCertChain: der }),
      JSON.stringify([gpu.evidence], null, 2).replaceAll('/', '\\/'),
    ];
    for (const form of forms) {
      const bytes = Buffer.from(form);
      expect(nvidiaGpu.recognises(bytes)).toBe(true);
      const parsed = nvidiaGpu.parse(bytes);
      expect(parsed.ok ? parsed.value.devices.length : parsed.error.detail).toBe(1);
    }
    expect(nvidiaGpu.recognises(Buffer.from('{"quote":"AAAA"}'))).toBe(false);
  });

  it('refuses lists that are empty or too long, and devices without a report', () => {
    const many = Array.from({ length: 33 }, () => gpu.evidence);
    for (const value of [
      [],
      many,
      [1],
      [{}],
      { evidence_list: [] },
      [{ ...gpu.evidence, certificate: 7 }],
      [{ ...gpu.evidence, certificate: '!' }],
    ]) {
      expect(nvidiaGpu.parse(Buffer.from(JSON.stringify(value))).ok).toBe(false);
    }
  });

  it('refuses more than 512 KiB', () => {
    const padded = Buffer.concat([evidenceOf(gpu), Buffer.alloc(512 * 1024, 0x20)]);
    expect(nvidiaGpu.parse(padded).ok).toBe(false);
    expect(nvidiaGpu.parse(padded.subarray(0, 512 * 1024)).ok).toBe(true);
  });

  it('never throws', () => {
    const valid = [gpu.report, evidenceOf(gpu)];
    const pool = [...nvidia.rims(), ...nvidia.answers(gpu)];
    fc.assert(
      fc.property(
        fc.constantFrom(...valid),
        fc.nat(),
        fc.integer({ min: 0, max: 12 }),
        fc.uint8Array({ maxLength: 12 }),
        (bytes, at, cut, added) => {
          const start = at % bytes.length;
          const mutated = Buffer.concat([bytes.subarray(0, start), added, bytes.subarray(start + cut)]);
          nvidiaGpu.recognises(mutated);
          const parsed = nvidiaGpu.parse(mutated);
          if (!parsed.ok) return parsed.error.code === 'E-ATTEST-MALFORMED';
          nvidiaGpu.fields(parsed.value);
          const same = Buffer.compare(mutated, bytes) === 0;
          const { claims } = nvidiaGpu.authenticate(parsed.value, {
            at: AT,
            roots: nvidia.roots,
            collateral: same ? pool : [],
            revocation: 'required',
          });
          return claims === null || nvidiaGpu.appraise(claims, fallbackOf(nvidiaGpu.policy), AT).length > 0;
        },
      ),
      { numRuns: 120 },
    );
  });
});
