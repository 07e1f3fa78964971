import { fromHex } from '../../core/bytes.ts';
import type { Check } from '../attestation-result.ts';
import { appraiseDcap, DCAP_KEYS, mustBe, oneOf } from '../dcap/dcap-policy.ts';
import { bitOf } from '../dcap/enclave-report.ts';
import { TD_ATTRIBUTE } from '../dcap/td-report.ts';
import { flag, hexStrings, section, type PolicyKey, type SectionValues } from '../policy/policy-section.ts';
import type { TdxClaims } from './tdx.ts';

/** Bits of XFAM that every TD has, and that any TD may have (Intel TDX Module specification, XFAM_FIXED1 and FIXED0). */
const XFAM_FIXED = 0x3n;
const XFAM_POSSIBLE = 0x6dbe7n;
const EXAMPLE = `[${'91eb2b44d1410f0c'.repeat(6)}]`;
const ZERO = '00'.repeat(48);
const KNOWN_ATTRIBUTES: readonly number[] = Object.values(TD_ATTRIBUTE);

const registers = (what: string): PolicyKey<readonly string[] | null> =>
  hexStrings(48, { about: what, fallback: null, otherwise: 'any', example: EXAMPLE });

const unusual = (what: string): PolicyKey<boolean> =>
  flag({ about: what, fallback: false, otherwise: 'false', example: 'true' });

export const TDX_POLICY = section(
  'tdx',
  'Intel TDX virtual machines. MRTD is the firmware and must be named, since it writes the registers; what RTMR0 to RTMR3 hold depends on who builds the machine (OVMF, a cloud, dstack).',
  {
    mrTds: registers('MRTD: the initial content of the machine, its virtual firmware.'),
    rtmr0: registers('RTMR0: firmware configuration, on most machines.'),
    rtmr1: registers('RTMR1: kernel, on most machines.'),
    rtmr2: registers('RTMR2: kernel command line and initial file system, on most machines.'),
    rtmr3: registers('RTMR3: the application, on most machines; the dstack section has rules over its events.'),
    mrSeams: registers('MRSEAM: the TDX module itself. Intel signs it and its version is in the TCB status.'),
    mrConfigIds: registers('MRCONFIGID: configuration given by the host at launch.'),
    mrOwners: registers('MROWNER: an owner, given by the host at launch.'),
    mrOwnerConfigs: registers('MROWNERCONFIG: a configuration, given by the host at launch.'),
    mrServiceTds: hexStrings(48, {
      about:
        'MRSERVICETD: the migration machine that may move this one with its memory. Only quotes of TD 1.5 show it; on TD 1.0 there is nothing to check.',
      fallback: null,
      otherwise: 'zero: none',
      example: EXAMPLE,
    }),
    requireSeptVeDisable: flag({
      about:
        'Whether SEPT_VE_DISABLE must be set: without it the host can make the guest handle a missing page, which kernels do not all survive safely.',
      fallback: true,
      otherwise: 'true',
      example: 'false',
    }),
    allowMigratable: unusual('Whether the machine may be migrated to another host.'),
    allowPerfmon: unusual('Whether the guest may use performance counters, which give side channels more to see.'),
    allowKeyLocker: unusual('Whether Key Locker is on.'),
    ...DCAP_KEYS,
  },
);

/**
 * Debug is the caller's to judge. What the host chose, the TDX module and a service machine name no program, and what
 * RTMRs hold is what the firmware wrote: without a reference value for it they prove nothing of a program either. Only
 * the code E-ATTEST-MEASUREMENT says that one is named.
 */
export function appraiseTdx(claims: TdxClaims, policy: SectionValues<typeof TDX_POLICY.keys>, at: number): Check[] {
  const { measurements } = claims;
  const compared =
    (code: Check['code']) =>
    (name: keyof TdxClaims['measurements'], want: readonly string[] | null): Check[] =>
      oneOf(name, code, [measurements[name] ?? ''], want);
  const measured = compared(policy.mrTds === null ? 'E-ATTEST-POLICY' : 'E-ATTEST-MEASUREMENT');
  const configured = compared('E-ATTEST-POLICY');
  const attributes = fromHex(claims.tdAttributes) ?? new Uint8Array();
  const xfam = BigInt(`0x${Buffer.from(claims.xfam, 'hex').reverse().toString('hex')}`);
  const reserved = Array.from({ length: 64 }, (_, bit) => bit).filter(
    (bit) => bitOf(attributes, bit) && !KNOWN_ATTRIBUTES.includes(bit),
  );
  const attribute = (name: string, bit: number, allowed: boolean): Check[] =>
    allowed ? [] : [mustBe(name, !bitOf(attributes, bit), 'set', 'not set')];
  return [
    ...measured('MRTD', policy.mrTds),
    ...measured('RTMR0', policy.rtmr0),
    ...measured('RTMR1', policy.rtmr1),
    ...measured('RTMR2', policy.rtmr2),
    ...measured('RTMR3', policy.rtmr3),
    ...configured('MRSEAM', policy.mrSeams),
    ...configured('MRCONFIGID', policy.mrConfigIds),
    ...configured('MROWNER', policy.mrOwners),
    ...configured('MROWNERCONFIG', policy.mrOwnerConfigs),
    ...(measurements.MRSERVICETD === undefined ? [] : configured('MRSERVICETD', policy.mrServiceTds ?? [ZERO])),
    mustBe('reserved TD attributes', reserved.length === 0, `bits ${reserved.join(', ')} set`, 'none set'),
    ...(policy.requireSeptVeDisable
      ? [mustBe('SEPT_VE_DISABLE', bitOf(attributes, TD_ATTRIBUTE.septVeDisable), 'not set', 'set')]
      : []),
    ...attribute('MIGRATABLE', TD_ATTRIBUTE.migratable, policy.allowMigratable),
    ...attribute('PERFMON', TD_ATTRIBUTE.perfmon, policy.allowPerfmon),
    ...attribute('KEY_LOCKER', TD_ATTRIBUTE.keyLocker, policy.allowKeyLocker),
    mustBe(
      'XFAM',
      (xfam & XFAM_FIXED) === XFAM_FIXED && (xfam & ~XFAM_POSSIBLE) === 0n,
      claims.xfam,
      'x87 and SSE, and nothing that the TDX module does not know',
    ),
    ...appraiseDcap(claims, policy, at),
  ];
}
