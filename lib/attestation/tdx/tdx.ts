import { toHex } from '../../core/bytes.ts';
import { authentication, type Authentication, type AuthenticationInputs } from '../authentication.ts';
import { authenticateQuote } from '../dcap/authenticate-quote.ts';
import { dcapDetails, tcbClaims, type DcapClaims } from '../dcap/dcap-claims.ts';
import { bitOf } from '../dcap/enclave-report.ts';
import { bitNames, placed, quoteFields } from '../dcap/quote-fields.ts';
import { isTdReport, looksLikeQuote, parseQuote, type Quote } from '../dcap/quote.ts';
import { TD_ATTRIBUTE, type TdReport } from '../dcap/td-report.ts';
import type { ParsedField } from '../parsed-field.ts';
import type { PlatformModule } from '../platform-module.ts';
import { appraiseTdx, TDX_POLICY } from './tdx-policy.ts';

type Register =
  | 'MRTD'
  | 'RTMR0'
  | 'RTMR1'
  | 'RTMR2'
  | 'RTMR3'
  | 'MRSEAM'
  | 'MRSIGNERSEAM'
  | 'MRCONFIGID'
  | 'MROWNER'
  | 'MROWNERCONFIG';

/** What an authentic TDX quote says. Byte strings are lower-case hexadecimal. */
export interface TdxClaims extends DcapClaims {
  readonly format: 'tdx';
  /** MRSERVICETD is there in TD 1.5 only. */
  readonly measurements: Readonly<Record<Register, string> & { readonly MRSERVICETD?: string }>;
  readonly tdReport: '1.0' | '1.5';
  /** 8 bytes each, in the order of the quote: least significant first. */
  readonly tdAttributes: string;
  readonly xfam: string;
}

/** Intel TDX virtual machines with DCAP quotes of version 4 or 5 (PROTOCOL §5). */
export const tdx: PlatformModule<Quote, TdxClaims, typeof TDX_POLICY.keys> = {
  format: 'tdx',
  recognises: (bytes) => looksLikeQuote(bytes, 'tdx'),
  parse: (bytes) => parseQuote(bytes, 'tdx'),
  fields: (quote) => quoteFields(quote, tdFields(quote.bodyOffset, tdReportOf(quote))),
  authenticate: authenticateTdx,
  policy: TDX_POLICY,
  appraise: appraiseTdx,
};

function authenticateTdx(quote: Quote, inputs: AuthenticationInputs): Authentication<TdxClaims> {
  const verdict = authenticateQuote(quote, inputs);
  const report = tdReportOf(quote);
  const tcb = tcbClaims(verdict);
  const [rtmr0, rtmr1, rtmr2, rtmr3] = report.rtmr;
  const claims: TdxClaims = {
    format: 'tdx',
    quoteVersion: quote.header.version,
    platform: verdict.platform,
    tcb,
    measurements: {
      MRTD: toHex(report.mrTd),
      RTMR0: toHex(rtmr0),
      RTMR1: toHex(rtmr1),
      RTMR2: toHex(rtmr2),
      RTMR3: toHex(rtmr3),
      MRSEAM: toHex(report.mrSeam),
      MRSIGNERSEAM: toHex(report.mrSignerSeam),
      MRCONFIGID: toHex(report.mrConfigId),
      MROWNER: toHex(report.mrOwner),
      MROWNERCONFIG: toHex(report.mrOwnerConfig),
      ...(report.mrServiceTd === null ? {} : { MRSERVICETD: toHex(report.mrServiceTd) }),
    },
    tdReport: report.version,
    tdAttributes: toHex(report.tdAttributes),
    xfam: toHex(report.xfam),
    reportData: report.reportData,
    nonce: null,
    instance: verdict.platform?.ppid ?? null,
    debug: bitOf(report.tdAttributes, TD_ATTRIBUTE.debug),
    issuedAt: null,
    details: {
      tdReport: report.version,
      tdAttributes: toHex(report.tdAttributes),
      xfam: toHex(report.xfam),
      teeTcbSvn: toHex(report.teeTcbSvn),
      teeTcbSvn2: report.teeTcbSvn2 === null ? null : toHex(report.teeTcbSvn2),
      ...dcapDetails(verdict, tcb),
    },
  };
  return authentication(claims, verdict.checks);
}

const tdFields = (base: number, report: TdReport): ParsedField[] =>
  placed('td', base, [
    ['tee_tcb_svn', 0, report.teeTcbSvn, 'security versions of TDX module and SEAM loader at launch'],
    ['mrseam', 16, report.mrSeam, 'SHA-384 of the TDX module'],
    ['mrsignerseam', 64, report.mrSignerSeam, 'who signed the TDX module; zero: Intel'],
    ['seam_attributes', 112, report.seamAttributes, 'of the TDX module; must be zero'],
    ['td_attributes', 120, report.tdAttributes, bitNames(report.tdAttributes, TD_ATTRIBUTE)],
    ['xfam', 128, report.xfam, 'processor features that the machine may use'],
    ['mrtd', 136, report.mrTd, 'SHA-384 of the initial content: the virtual firmware'],
    ['mrconfigid', 184, report.mrConfigId, 'configuration given at launch'],
    ['mrowner', 232, report.mrOwner, 'owner given at launch'],
    ['mrownerconfig', 280, report.mrOwnerConfig, "owner's configuration given at launch"],
    ...report.rtmr.map(
      (value, index) => [`rtmr${index}`, 328 + 48 * index, value, 'extended since launch: see the event log'] as const,
    ),
    ['report_data', 520, report.reportData, 'what the machine put in'],
    ...(report.teeTcbSvn2 === null
      ? []
      : [['tee_tcb_svn2', 584, report.teeTcbSvn2, 'security versions of the TDX module that runs now'] as const]),
    ...(report.mrServiceTd === null
      ? []
      : [['mrservicetd', 600, report.mrServiceTd, 'bound service machine (migration); zero: none'] as const]),
  ]);

/** `parseQuote` for TDX gives no other body. */
function tdReportOf({ body }: Quote): TdReport {
  if (!isTdReport(body)) throw new TypeError('a TDX quote has the body of a machine');
  return body;
}
