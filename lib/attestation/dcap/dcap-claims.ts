import type { ClaimValue, EvidenceClaims } from '../evidence-claims.ts';
import type { QuoteVerdict } from './authenticate-quote.ts';
import type { PckPlatform } from './pck-platform.ts';
import type { MatchedLevel, TcbStatus } from './tcb-status.ts';

/** How current the machine's microcode, firmware, TDX module and quoting enclave are, by Intel's own account. */
export interface TcbClaims {
  readonly status: TcbStatus;
  /** Of all matched levels, each once. */
  readonly advisoryIds: readonly string[];
  /** Of the oldest matched level, milliseconds since 1970; null: no level matched. */
  readonly tcbDate: number | null;
  /** The lower of TCB info and QE identity: which of Intel's TCB recoveries the verdict knows about. */
  readonly evaluationDataNumber: number;
  /** Of the older of TCB info and QE identity, milliseconds since 1970. */
  readonly collateralIssuedAt: number;
  readonly levels: {
    readonly platform: MatchedLevel | null;
    readonly tdxModule: MatchedLevel | null;
    readonly quotingEnclave: MatchedLevel | null;
  };
}

/** What quotes of SGX and of TDX have in common. */
export interface DcapClaims extends EvidenceClaims {
  readonly quoteVersion: number;
  /** Null: the PCK certificate was not given. */
  readonly platform: PckPlatform | null;
  /** Null: not evaluated, since TCB info was not given. */
  readonly tcb: TcbClaims | null;
}

export function tcbClaims({ tcb }: QuoteVerdict): TcbClaims | null {
  if (tcb === null) return null;
  const { status, platform, tdxModule, quotingEnclave, evaluationDataNumber, collateralIssuedAt } = tcb;
  const matched = [platform, tdxModule, quotingEnclave].filter((level) => level !== null);
  return {
    status,
    advisoryIds: [...new Set(matched.flatMap(({ advisoryIds }) => advisoryIds))].sort(),
    tcbDate: matched.length === 0 ? null : Math.min(...matched.map(({ tcbDate }) => tcbDate)),
    evaluationDataNumber,
    collateralIssuedAt,
    levels: { platform, tdxModule, quotingEnclave },
  };
}

/** The part of `details` that both platforms show. */
export function dcapDetails(
  { platform }: Pick<QuoteVerdict, 'platform'>,
  tcb: TcbClaims | null,
): Record<string, ClaimValue> {
  return {
    platform: platform === null ? null : { ...platform },
    tcb:
      tcb === null
        ? null
        : {
            status: tcb.status,
            advisoryIds: tcb.advisoryIds,
            tcbDate: dateOf(tcb.tcbDate),
            tcbEvaluationDataNumber: tcb.evaluationDataNumber,
            platform: shown(tcb.levels.platform),
            tdxModule: shown(tcb.levels.tdxModule),
            quotingEnclave: shown(tcb.levels.quotingEnclave),
          },
  };
}

const shown = (level: MatchedLevel | null): ClaimValue =>
  level === null ? null : { status: level.status, tcbDate: dateOf(level.tcbDate), advisoryIds: level.advisoryIds };

const dateOf = (milliseconds: number | null): string | null =>
  milliseconds === null ? null : new Date(milliseconds).toISOString();
