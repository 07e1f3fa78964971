import { ByteReader } from '../formats/byte-reader.ts';

export const TD_REPORT_BYTES = { '1.0': 584, '1.5': 648 } as const;
export type TdReportVersion = keyof typeof TD_REPORT_BYTES;

/** The body of a TDX quote (Intel TDX DCAP Quote Generation Library, appendix A.3.2 and A.3.3). */
export interface TdReport {
  readonly version: TdReportVersion;
  /** 16 bytes; [0] module security version, [1] module major version, [2] SEAM loader. */
  readonly teeTcbSvn: Uint8Array;
  /** 48 bytes each. */
  readonly mrSeam: Uint8Array;
  readonly mrSignerSeam: Uint8Array;
  /** 8 bytes each. */
  readonly seamAttributes: Uint8Array;
  readonly tdAttributes: Uint8Array;
  readonly xfam: Uint8Array;
  /** 48 bytes each. */
  readonly mrTd: Uint8Array;
  readonly mrConfigId: Uint8Array;
  readonly mrOwner: Uint8Array;
  readonly mrOwnerConfig: Uint8Array;
  readonly rtmr: readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  /** What runs now, after updates of the module without a reboot, 16 bytes; null in TD 1.0. */
  readonly teeTcbSvn2: Uint8Array | null;
  /** 48 bytes: the service TD (migration) bound to this one, zero if none; null in TD 1.0. */
  readonly mrServiceTd: Uint8Array | null;
}

/** Reads 584 or 648 bytes; throws Malformed. */
export function readTdReport(source: ByteReader, version: TdReportVersion): TdReport {
  const reader = new ByteReader(source.take(TD_REPORT_BYTES[version]));
  const later = version === '1.5';
  const register = (): Uint8Array => reader.take(48);
  return {
    version,
    teeTcbSvn: reader.take(16),
    mrSeam: register(),
    mrSignerSeam: register(),
    seamAttributes: reader.take(8),
    tdAttributes: reader.take(8),
    xfam: reader.take(8),
    mrTd: register(),
    mrConfigId: register(),
    mrOwner: register(),
    mrOwnerConfig: register(),
    rtmr: [register(), register(), register(), register()],
    reportData: reader.take(64),
    teeTcbSvn2: later ? reader.take(16) : null,
    mrServiceTd: later ? register() : null,
  };
}

/** Bits of TD ATTRIBUTES (Intel TDX Module ABI, ATTRIBUTES), bit 0 first. */
export const TD_ATTRIBUTE = {
  debug: 0,
  septVeDisable: 28,
  migratable: 29,
  pks: 30,
  keyLocker: 31,
  perfmon: 63,
} as const;
