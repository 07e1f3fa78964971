import { toHex } from '../../core/bytes.ts';
import { authentication } from '../authentication.ts';
import { authenticateQuote } from '../dcap/authenticate-quote.ts';
import { dcapDetails, tcbClaims, type DcapClaims } from '../dcap/dcap-claims.ts';
import { bitOf, SGX_ATTRIBUTE, type EnclaveReport } from '../dcap/enclave-report.ts';
import { enclaveReportFields, quoteFields } from '../dcap/quote-fields.ts';
import { isTdReport, looksLikeQuote, parseQuote, type Quote } from '../dcap/quote.ts';
import type { PlatformModule } from '../platform-module.ts';
import { appraiseSgx, SGX_POLICY } from './sgx-policy.ts';

/** What an authentic SGX quote says. Byte strings are lower-case hexadecimal. */
export interface SgxClaims extends DcapClaims {
  readonly format: 'sgx';
  readonly measurements: Readonly<Record<'MRENCLAVE' | 'MRSIGNER', string>>;
  readonly isvProdId: number;
  readonly isvSvn: number;
  /** 16 bytes: 8 of flags, 8 of XFRM. */
  readonly attributes: string;
  /** Key Separation and Sharing: 64, 16 and 16 bytes, zero where it is not used. */
  readonly configId: string;
  readonly isvFamilyId: string;
  readonly isvExtProdId: string;
  readonly configSvn: number;
}

/** Intel SGX enclaves with DCAP quotes of version 3, 4 or 5 (PROTOCOL §5). */
export const sgx: PlatformModule<Quote, SgxClaims, typeof SGX_POLICY.keys> = {
  format: 'sgx',
  recognises: (bytes) => looksLikeQuote(bytes, 'sgx'),
  parse: (bytes) => parseQuote(bytes, 'sgx'),
  fields: (quote) => quoteFields(quote, enclaveReportFields('report', quote.bodyOffset, reportOf(quote))),
  authenticate: (quote, inputs) => {
    const verdict = authenticateQuote(quote, inputs);
    const report = reportOf(quote);
    const tcb = tcbClaims(verdict);
    const claims: SgxClaims = {
      format: 'sgx',
      quoteVersion: quote.header.version,
      platform: verdict.platform,
      tcb,
      measurements: { MRENCLAVE: toHex(report.mrEnclave), MRSIGNER: toHex(report.mrSigner) },
      isvProdId: report.isvProdId,
      isvSvn: report.isvSvn,
      attributes: toHex(report.attributes),
      configId: toHex(report.configId),
      isvFamilyId: toHex(report.isvFamilyId),
      isvExtProdId: toHex(report.isvExtProdId),
      configSvn: report.configSvn,
      reportData: report.reportData,
      nonce: null,
      instance: verdict.platform?.ppid ?? null,
      debug: bitOf(report.attributes, SGX_ATTRIBUTE.debug),
      issuedAt: null,
      details: {
        isvProdId: report.isvProdId,
        isvSvn: report.isvSvn,
        attributes: toHex(report.attributes),
        ...dcapDetails(verdict, tcb),
      },
    };
    return authentication(claims, verdict.checks);
  },
  policy: SGX_POLICY,
  appraise: appraiseSgx,
};

/** `parseQuote` for SGX gives no other body. */
function reportOf({ body }: Quote): EnclaveReport {
  if (isTdReport(body)) throw new TypeError('an SGX quote has the body of an enclave');
  return body;
}
