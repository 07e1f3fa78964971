import { verify, type Collateral as OracleCollateral } from '@phala/dcap-qvl';
import { describe, expect, it } from 'vitest';
import type { CollateralItem } from '../../../lib/attestation/collateral/collateral.ts';
import { readCollateral } from '../../../lib/attestation/collateral/read-collateral.ts';
import { utf8 } from '../../../lib/core/bytes.ts';
import { readSignedJson } from '../../../lib/attestation/dcap/intel-json.ts';
import { parseCertificate } from '../../../lib/attestation/x509/certificate.ts';
import { parseRevocationList } from '../../../lib/attestation/x509/revocation-list.ts';
import { pem } from '../../authorities/intel-authority.ts';
import { authenticateBytes, everyIntelItem, quoteBytes, type Verdict } from './dcap-vectors.ts';
import { evidenceVectorsAbsent, vectorFiles } from './evidence-vectors.ts';

/** Quotes in plain binary, or in hexadecimal. */
const QUOTES = vectorFiles('', /^(?:.*quote.*|tdx-v4.*|alibaba.*)$/).filter(
  (path) =>
    /(?:^|\/)(?:tdx|sgx|az_tdx|az-tdx-vtpm)\//.test(path) &&
    !/\.(?:json|cbor)$|intel\+|sample_quotes|\/quote\.bin$/.test(path),
);
/** Noons at which the folder has TCB info, QE identity and both lists for some platform. */
const DAYS = ['2023-06-20', '2025-06-25', '2025-10-29', '2026-03-17'];

interface Answer {
  readonly raw: string;
  readonly signature: string;
  readonly id: string;
  readonly fmspc: string;
  readonly number: number;
  readonly from: number;
  readonly until: number;
}

function answers(items: readonly CollateralItem[], kind: 'intel-tcb-info' | 'intel-qe-identity'): Answer[] {
  return items.flatMap((item) => {
    if (item.kind !== kind) return [];
    const { raw, signature } = readSignedJson(item.text, kind === 'intel-tcb-info' ? 'tcbInfo' : 'enclaveIdentity');
    const value = JSON.parse(raw) as Record<string, string> & { version: number; tcbEvaluationDataNumber: number };
    if (kind === 'intel-tcb-info' && value.version !== 3) return [];
    return {
      raw,
      signature: Buffer.from(signature).toString('hex'),
      id: value['id'] ?? '',
      fmspc: (value['fmspc'] ?? '').toLowerCase(),
      number: value.tcbEvaluationDataNumber,
      from: Date.parse(value['issueDate'] ?? ''),
      until: Date.parse(value['nextUpdate'] ?? ''),
    };
  });
}

const newest = (list: readonly Answer[], at: number, fits: (one: Answer) => boolean): Answer | undefined =>
  list
    .filter((one) => fits(one) && one.from <= at && at <= one.until)
    .sort((a, b) => b.number - a.number || b.from - a.from)[0];

/** The folder's items, read once. */
function library(items: readonly CollateralItem[]) {
  const certificates = items.flatMap((item) => {
    const ders = item.kind === 'certificate' ? [item.der] : 'chain' in item ? item.chain : [];
    return ders.flatMap((der) => {
      const parsed = parseCertificate(der);
      return parsed.ok ? [parsed.value] : [];
    });
  });
  const lists = items.flatMap((item) => {
    const parsed = item.kind === 'revocation-list' ? parseRevocationList(item.der) : null;
    return parsed?.ok === true ? [parsed.value] : [];
  });
  return {
    infos: answers(items, 'intel-tcb-info'),
    identities: answers(items, 'intel-qe-identity'),
    certificates,
    lists,
  };
}

/** Everything the oracle wants; null where the folder has nothing in force. */
function oracleCollateral(
  { infos, identities, certificates, lists }: ReturnType<typeof library>,
  { tee, fmspc, issuer }: NonNullable<Verdict['platform']>,
  at: number,
): OracleCollateral | null {
  const info = newest(infos, at, (one) => one.id === tee && one.fmspc === fmspc);
  const identity = newest(identities, at, ({ id }) => id === (tee === 'TDX' ? 'TD_QE' : 'QE'));
  const valid = certificates.filter(({ notBefore, notAfter }) => notBefore <= at && at <= notAfter);
  const signer = valid.find(({ subjectCommonName }) => subjectCommonName === 'Intel SGX TCB Signing');
  const root = valid.find(({ subjectCommonName }) => subjectCommonName === 'Intel SGX Root CA');
  const list = (name: string): string | undefined =>
    lists
      .filter((one) => Buffer.from(one.issuer).includes(name) && one.thisUpdate <= at && at <= (one.nextUpdate ?? 0))
      .map(({ der }) => Buffer.from(der).toString('hex'))[0];
  const [rootList, pckList] = [list('Intel SGX Root CA'), list(issuer)];
  if (!info || !identity || !signer || !root || rootList === undefined || pckList === undefined) return null;
  const chain = pem([{ certificate: signer.der }, { certificate: root.der }]).toString();
  return {
    pck_crl_issuer_chain: chain,
    root_ca_crl: rootList,
    pck_crl: pckList,
    tcb_info_issuer_chain: chain,
    tcb_info: info.raw,
    tcb_info_signature: info.signature,
    qe_identity_issuer_chain: chain,
    qe_identity: identity.raw,
    qe_identity_signature: identity.signature,
  };
}

const outcome = (run: () => { status: string; advisory_ids: readonly string[] }): string => {
  try {
    const { status, advisory_ids: advisories } = run();
    return `${status} ${[...advisories].sort().join(',')}`.trim();
  } catch (fault) {
    return `refused: ${(fault as Error).message}`;
  }
};

/** Why the two may differ; any other difference is a finding. */
const EXPLAINED: readonly (readonly [oracle: RegExp, ours: RegExp, why: string])[] = [
  [/^refused: .*debug/i, / DEBUG$/, 'debug is in our claims, for the caller to refuse'],
  [
    /^refused: .*(?:mr service td|SEPT_VE_DISABLE)/i,
    /^(?:UpToDate|OutOfDate)/,
    'keys of our policy, refused by default',
  ],
  [/^refused: No matching TCB level/, /^refused .*E-ATTEST-TCB/, 'the same in other words'],
  [/^refused: Certificate is expired or not yet valid/, /^refused E-ATTEST-EXPIRED PCK/, 'the same in other words'],
  [
    /^(?:refused: No matching TCB level|OutOfDate)/,
    /^(?:UpToDate|OutOfDate|TDRelaunchAdvised)/,
    "it compares TDX components 0 and 1 even where the module has an identity; Intel's library skips them there",
  ],
];

describe.skipIf(evidenceVectorsAbsent)('@phala/dcap-qvl on the same quotes and collateral', () => {
  it('agrees on status and advisories, or the difference is known', () => {
    const folder = library(everyIntelItem());
    const quotes = new Map(QUOTES.map((path) => [Buffer.from(quoteBytes(path)).toString('base64'), path]));
    const findings: string[] = [];
    const explained = new Set<string>();
    let same = 0;
    for (const path of quotes.values()) {
      const bytes = quoteBytes(path);
      const { platform } = authenticateBytes(bytes, {});
      if (platform === null) continue;
      for (const day of DAYS) {
        const at = Date.parse(`${day}T12:00:00Z`);
        const given = oracleCollateral(folder, platform, at);
        if (given === null) continue;
        const collateral = readCollateral(utf8(JSON.stringify(given)));
        if (!collateral.ok) throw new Error(collateral.error.detail);
        const ours = inTheirWords(authenticateBytes(bytes, { at, collateral: collateral.value }));
        const theirs = outcome(() => verify(Buffer.from(bytes), given, at / 1000));
        const reason = EXPLAINED.find(([oracle, own]) => oracle.test(theirs) && own.test(ours))?.[2];
        if (theirs === ours) same += 1;
        else if (reason === undefined) findings.push(`${path} ${day}: ${theirs} / ${ours}`);
        else explained.add(reason);
      }
    }
    expect(findings).toEqual([]);
    expect(same).toBeGreaterThan(10);
    expect(explained.size).toBe(new Set(EXPLAINED.map(([, , why]) => why)).size);
  });
});

function inTheirWords({ claims, failed }: Verdict): string {
  const tcb = claims?.tcb ?? null;
  if (claims === null || tcb === null) return `refused ${failed.map(({ code, name }) => `${code} ${name}`).join('; ')}`;
  return `${tcb.status} ${tcb.advisoryIds.join(',')}`.trim() + (claims.debug ? ' DEBUG' : '');
}
