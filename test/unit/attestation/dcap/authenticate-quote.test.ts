import { describe, expect, it } from 'vitest';
import type { CollateralItem } from '../../../../lib/attestation/collateral/collateral.ts';
import { sgx } from '../../../../lib/attestation/sgx/sgx.ts';
import { tdx } from '../../../../lib/attestation/tdx/tdx.ts';
import { VENDOR_ROOTS } from '../../../../lib/attestation/trust/vendor-roots.ts';
import { parseCertificate } from '../../../../lib/attestation/x509/certificate.ts';
import {
  intelAuthority,
  intelCollateral,
  intelList,
  pem,
  qeIdentity,
  sgxAttributes,
  sgxQuote,
  tcbInfo,
  tdxQuote,
  type QuoteParts,
} from '../../../authorities/intel-authority.ts';
import { newKeys, type SigningParty } from '../../../authorities/x509-authority.ts';

const intel = intelAuthority();
const other = intelAuthority({ ca: 'Processor', machine: { platformInstanceId: null } });
const SGX = intelCollateral(intel, 'sgx');
const TDX = intelCollateral(intel, 'tdx');

const serialOf = ({ certificate }: SigningParty): string => {
  const parsed = parseCertificate(certificate);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  return parsed.value.serial;
};

interface Trial {
  readonly tee?: 'sgx' | 'tdx';
  readonly quote?: Uint8Array;
  readonly collateral?: readonly CollateralItem[];
  readonly revocation?: 'required' | 'accept-absent';
  readonly roots?: typeof VENDOR_ROOTS;
  readonly at?: Date;
}

/** The failing checks in short, or `status` where none failed. */
function judge({
  tee = 'sgx',
  quote,
  collateral,
  revocation = 'required',
  roots = intel.roots,
  at = intel.at,
}: Trial): string {
  const module = tee === 'sgx' ? sgx : tdx;
  const parsed = module.parse(quote ?? (tee === 'sgx' ? sgxQuote(intel) : tdxQuote(intel)));
  if (!parsed.ok) return `${parsed.error.code} ${parsed.error.detail}`;
  const inputs = { at: at.getTime(), roots, collateral: collateral ?? (tee === 'sgx' ? SGX : TDX), revocation };
  const { claims, checks } = module.authenticate(parsed.value, inputs);
  const failed = checks.filter(({ passed }) => !passed);
  expect(claims === null).toBe(failed.some(({ missing }) => missing !== true));
  return failed.length === 0
    ? (claims?.tcb?.status ?? '')
    : failed.map(({ code, name }) => `${code} ${name}`).join('; ');
}

/** The collateral of `base` with the items of some kinds replaced. */
const replaced = (base: readonly CollateralItem[], ...items: readonly CollateralItem[]): CollateralItem[] => [
  ...base.filter(({ kind }) => !items.some((item) => item.kind === kind)),
  ...items,
];
const INVALID = 'E-ATTEST-COLLATERAL-INVALID';

describe('a machine of the fake Intel', () => {
  it.each([3, 4, 5] as const)('SGX quote of version %i', (version) => {
    expect(judge({ quote: sgxQuote(intel, {}, { version }) })).toBe('UpToDate');
  });

  it.each([
    [4, '1.0'],
    [5, '1.0'],
    [5, '1.5'],
  ] as const)('TDX quote of version %i with a TD %s body', (version, tdReport) => {
    expect(judge({ tee: 'tdx', quote: tdxQuote(intel, {}, { version, tdReport }) })).toBe('UpToDate');
  });

  it('bytes behind the quote change nothing and are shown', () => {
    const quote = sgxQuote(intel, {}, { trailing: Buffer.alloc(70, 0xff) });
    expect(judge({ quote })).toBe('UpToDate');
    const parsed = sgx.parse(quote);
    if (!parsed.ok) throw new Error(parsed.error.detail);
    expect(sgx.fields(parsed.value).at(-1)).toMatchObject({
      name: 'trailing.bytes',
      value: '70',
      offset: quote.length - 70,
    });
  });

  it('a platform of the Processor CA, which says nothing of its configuration', () => {
    expect(judge({ quote: sgxQuote(other), collateral: intelCollateral(other, 'sgx'), roots: other.roots })).toBe(
      'UpToDate',
    );
  });

  it('under the real root, and with a chain of another authority', () => {
    expect(judge({ roots: VENDOR_ROOTS })).toMatch(/^E-ATTEST-SIGNATURE PCK root; .*TCB info signing chain/);
    const chain = pem([intel.pck, other.ca, other.root]);
    expect(judge({ quote: sgxQuote(intel, {}, { certificationData: chain }), roots: other.roots })).toMatch(
      /^E-ATTEST-SIGNATURE PCK signatures/,
    );
  });

  it('a chain that ends early or has one certificate too many', () => {
    const chains = [
      [intel.pck, intel.ca],
      [intel.pck, intel.ca, intel.ca, intel.root],
      [intel.pck, intel.root, intel.ca],
    ];
    for (const parties of chains) {
      expect(judge({ quote: sgxQuote(intel, {}, { certificationData: pem(parties) }) })).toMatch(
        /E-ATTEST-SIGNATURE PCK names/,
      );
    }
  });

  it('a certificate of the same authority that is no PCK certificate', () => {
    const quote = sgxQuote(
      intel,
      {},
      { certificationData: pem([intel.tcbSigner, intel.root]), qeSigner: intel.tcbSigner.privateKey },
    );
    expect(judge({ quote })).toMatch(/PCK names; E-ATTEST-SIGNATURE PCK platform data; .*E-ATTEST-COLLATERAL TCB info/);
  });
});

describe('revocation', () => {
  const lists = (pckList: CollateralItem, rootList: CollateralItem): CollateralItem[] =>
    replaced(SGX, pckList, rootList);
  const pckList = intelList(intel, intel.ca);
  const rootList = intelList(intel, intel.root);

  it.each([
    [
      'PCK',
      lists(intelList(intel, intel.ca, { revoked: [serialOf(intel.pck)] }), rootList),
      'Intel SGX PCK Certificate',
    ],
    [
      'PCK CA',
      lists(pckList, intelList(intel, intel.root, { revoked: [serialOf(intel.ca)] })),
      'Intel SGX PCK Platform CA',
    ],
    [
      'TCB signer',
      lists(pckList, intelList(intel, intel.root, { revoked: [serialOf(intel.tcbSigner)] })),
      'Intel SGX TCB Signing',
    ],
  ])('revoked %s', (_, collateral, name) => {
    expect(judge({ collateral })).toBe(`E-ATTEST-REVOKED ${name}: not revoked`);
    expect(judge({ collateral, revocation: 'accept-absent' })).toBe(`E-ATTEST-REVOKED ${name}: not revoked`);
  });

  it('a list that names others revokes nothing here', () => {
    expect(judge({ collateral: lists(intelList(intel, intel.ca, { revoked: ['0102', '0304'] }), rootList) })).toBe(
      'UpToDate',
    );
  });

  const altered = (item: CollateralItem): CollateralItem => {
    if (item.kind !== 'revocation-list') throw new Error('no list');
    const der = Uint8Array.from(item.der);
    der[der.length - 1] = (der[der.length - 1] ?? 0) ^ 1;
    return { kind: 'revocation-list', der };
  };
  const impostor = { ...intel.ca, privateKey: newKeys('p256-sha256').privateKey };

  it.each([
    ['of the other PCK authority', lists(intelList(other, other.ca), rootList), 'PCK revocation list'],
    [
      "signed by another key under the PCK authority's name",
      lists(intelList(intel, impostor), rootList),
      'PCK revocation list',
    ],
    ['with an altered signature', lists(altered(pckList), rootList), 'PCK revocation list'],
    ['of the root, altered', lists(pckList, altered(rootList)), 'root revocation list'],
    ['that is no list', lists({ kind: 'revocation-list', der: Uint8Array.of(0x30, 0) }, rootList), 'revocation lists'],
    ['without an end', lists(intelList(intel, intel.ca, { nextUpdate: null }), rootList), 'PCK revocation list'],
    [
      'of tomorrow',
      lists(intelList(intel, intel.ca, { thisUpdate: new Date(intel.at.getTime() + 86_400_000) }), rootList),
      'PCK revocation list',
    ],
  ])('a list %s is refused, required or not', (_, collateral, name) => {
    expect(judge({ collateral })).toContain(`${INVALID} ${name}`);
    expect(judge({ collateral, revocation: 'accept-absent' })).toContain(`${INVALID} ${name}`);
  });

  it('absent lists are missing, or accepted as not available', () => {
    const collateral = SGX.filter(({ kind }) => kind !== 'revocation-list');
    expect(judge({ collateral })).toBe(
      'E-ATTEST-COLLATERAL PCK revocation list; E-ATTEST-COLLATERAL root revocation list',
    );
    expect(judge({ collateral, revocation: 'accept-absent' })).toBe('UpToDate');
  });

  it('among several lists one that is valid now speaks', () => {
    const old = intelList(intel, intel.ca, {
      thisUpdate: new Date(intel.at.getTime() - 60 * 86_400_000),
      nextUpdate: new Date(intel.at.getTime() - 30 * 86_400_000),
    });
    expect(judge({ collateral: [old, ...SGX] })).toBe('UpToDate');
    expect(judge({ collateral: lists(old, rootList) })).toBe(`${INVALID} PCK revocation list`);
    const newer = intelList(intel, intel.ca, {
      thisUpdate: new Date(intel.at.getTime() - 86_400_000),
      revoked: [serialOf(intel.pck)],
    });
    expect(judge({ collateral: [...SGX, newer] })).toMatch(/^E-ATTEST-REVOKED/);
    expect(judge({ collateral: [newer, ...SGX] })).toMatch(/^E-ATTEST-REVOKED/);
  });
});

describe("Intel's signed answers", () => {
  const spaced = (item: CollateralItem): CollateralItem => {
    if (item.kind !== 'intel-tcb-info' && item.kind !== 'intel-qe-identity') throw new Error('no answer');
    return { ...item, text: item.text.replace('":"', '": "') };
  };
  const outer = (item: CollateralItem): CollateralItem => {
    if (item.kind !== 'intel-tcb-info') throw new Error('no answer');
    return {
      ...item,
      text: ` ${item.text.replace('{"tcbInfo":', '{ "tcbInfo" :\n').replace(',"signature":', ' , "signature": ')}\n`,
    };
  };

  it('white space inside the signed value is an alteration, outside it is not', () => {
    expect(judge({ collateral: replaced(SGX, spaced(tcbInfo(intel))) })).toBe(`${INVALID} TCB info signature`);
    expect(judge({ collateral: replaced(SGX, spaced(qeIdentity(intel))) })).toBe(`${INVALID} QE identity signature`);
    expect(judge({ collateral: replaced(SGX, outer(tcbInfo(intel))) })).toBe('UpToDate');
  });

  it('signed by another certificate of the same root', () => {
    expect(judge({ collateral: replaced(SGX, tcbInfo(intel, { signer: intel.pck })) })).toBe(
      `${INVALID} TCB info signing chain`,
    );
    const misnamed = intelAuthority({ signerName: 'Intel SGX Something' });
    expect(
      judge({ quote: sgxQuote(misnamed), collateral: intelCollateral(misnamed, 'sgx'), roots: misnamed.roots }),
    ).toBe(`${INVALID} TCB info signing chain; ${INVALID} QE identity signing chain`);
    expect(judge({ collateral: replaced(SGX, tcbInfo(other)) })).toMatch(`${INVALID} TCB info signing chain`);
  });

  it.each([
    ['15 components', { levels: [{ status: 'UpToDate', sgx: intel.machine.components.slice(0, 15) }] }],
    ['17 components', { levels: [{ status: 'UpToDate', sgx: [...intel.machine.components, 0] }] }],
    ['version 2', { overrides: { version: 2 } }],
    ['no FMSPC', { overrides: { fmspc: undefined } }],
    ['an FMSPC of 5 bytes', { overrides: { fmspc: '00906ed500' } }],
    ['a date that is none', { overrides: { nextUpdate: '2026-13-01T00:00:00Z' } }],
    ['levels that are no list', { overrides: { tcbLevels: {} } }],
    ['another TCB type', { overrides: { tcbType: 1 } }],
    ['another FMSPC', { overrides: { fmspc: '000000000001' } }],
    ['another PCEID', { overrides: { pceId: '0001' } }],
    ['the other TEE', { tee: 'tdx' as const }],
  ])('TCB info with %s does not fit', (_, parts) => {
    expect(judge({ collateral: replaced(SGX, tcbInfo(intel, parts)) })).toBe(`${INVALID} TCB info`);
  });

  it.each([
    ['the other TEE', { tee: 'tdx' as const }],
    ['version 1', { overrides: { version: 1 } }],
    ["another enclave's id", { overrides: { id: 'QVE' } }],
    ['a mask of 15 bytes', { overrides: { attributesMask: 'ff'.repeat(15) } }],
  ])('QE identity with %s does not fit', (_, parts) => {
    expect(judge({ collateral: replaced(SGX, qeIdentity(intel, parts)) })).toBe(`${INVALID} QE identity`);
  });

  it('the newest evaluation number that is valid now is used; without one the newest is named', () => {
    const older = tcbInfo(intel, { levels: [{ status: 'OutOfDate' }], overrides: { tcbEvaluationDataNumber: 19 } });
    const future = tcbInfo(intel, {
      levels: [{ status: 'OutOfDate' }],
      overrides: { tcbEvaluationDataNumber: 21, issueDate: '2026-06-20T00:00:00Z' },
    });
    expect(judge({ collateral: [older, future, ...SGX] })).toBe('UpToDate');
    expect(judge({ collateral: [older, ...SGX.filter(({ kind }) => kind !== 'intel-tcb-info')] })).toBe('OutOfDate');
    expect(judge({ collateral: replaced(SGX, future) })).toBe(`${INVALID} TCB info dates`);
  });

  it('outside its dates', () => {
    const late = new Date(intel.at.getTime() + 31 * 86_400_000);
    expect(judge({ at: late })).toBe(
      ['PCK revocation list', 'root revocation list', 'TCB info dates', 'QE identity dates']
        .map((name) => `${INVALID} ${name}`)
        .join('; '),
    );
  });
});

describe('the quoting enclave', () => {
  const trial = (parts: Partial<QuoteParts>, tee: 'sgx' | 'tdx' = 'sgx'): string =>
    judge({ tee, quote: tee === 'sgx' ? sgxQuote(intel, {}, parts) : tdxQuote(intel, {}, parts) });
  const qe = {
    attributes: Buffer.of(0x11, ...Buffer.alloc(15)),
    mrSigner: Buffer.alloc(32, 0x8c),
    isvProdId: 1,
    isvSvn: 8,
  };

  it.each([
    ['of another signer (CVE-2026-22696)', { ...qe, mrSigner: Buffer.alloc(32, 0x66) }],
    ['of another product', { ...qe, isvProdId: 2 }],
    ['in debug mode', { ...qe, attributes: Buffer.of(0x13, ...Buffer.alloc(15)) }],
    ['with other misc flags', { ...qe, miscSelect: 1 }],
  ])('%s is refused, although the PCK signed its report', (_, parts) => {
    expect(trial({ qe: parts })).toBe('E-ATTEST-SIGNATURE quoting enclave');
  });

  it('MODE64 is masked out', () => {
    expect(trial({ qe: { ...qe, attributes: Buffer.of(0x15, ...Buffer.alloc(15)) } })).toBe('UpToDate');
  });

  it("Intel's enclave for the other TEE is refused", () => {
    expect(trial({ qe }, 'tdx')).toBe('E-ATTEST-SIGNATURE quoting enclave');
  });

  it('a key that it does not vouch for, a report that the PCK did not sign, another vendor', () => {
    expect(trial({ boundKey: Buffer.alloc(64, 1) })).toBe('E-ATTEST-SIGNATURE attestation key');
    expect(trial({ qeSigner: newKeys('p256-sha256').privateKey })).toBe('E-ATTEST-SIGNATURE QE report signature');
    expect(trial({ qeVendorId: '00'.repeat(16) })).toBe('E-ATTEST-SIGNATURE quoting enclave vendor');
  });

  it('report data behind the hash must be zero', () => {
    const parsed = sgx.parse(sgxQuote(intel));
    if (!parsed.ok) throw new Error(parsed.error.detail);
    const reportData = Uint8Array.from(parsed.value.qeReport.reportData);
    expect(trial({ qe: { ...qe, reportData } })).toBe('UpToDate');
    reportData[63] = 1;
    expect(trial({ qe: { ...qe, reportData } })).toBe('E-ATTEST-SIGNATURE attestation key');
  });
});

describe('a quote without its PCK certificate', () => {
  const quote = sgxQuote(intel, {}, { certificationType: 3, certificationData: Buffer.alloc(404) });
  const given = ({ certificate }: SigningParty): CollateralItem => ({ kind: 'certificate', der: certificate });

  it('names it as missing, and takes it when it is given', () => {
    expect(judge({ quote })).toBe('E-ATTEST-COLLATERAL PCK certificate; E-ATTEST-COLLATERAL TCB info');
    expect(judge({ quote, collateral: [...SGX, given(intel.pck), given(intel.ca), given(intel.root)] })).toBe(
      'UpToDate',
    );
  });

  it('takes no certificate whose key did not sign the QE report', () => {
    const collateral = [...SGX, given(other.pck), given(other.ca), given(other.root)];
    expect(judge({ quote, collateral })).toMatch(/^E-ATTEST-COLLATERAL PCK certificate/);
  });
});

describe('claims', () => {
  it('debug, registers and the machine', () => {
    const parsed = sgx.parse(sgxQuote(intel, { attributes: sgxAttributes(0x02), reportData: Buffer.alloc(64, 9) }));
    if (!parsed.ok) throw new Error(parsed.error.detail);
    const inputs = { at: intel.at.getTime(), roots: intel.roots, collateral: SGX, revocation: 'required' } as const;
    expect(sgx.authenticate(parsed.value, inputs).claims).toMatchObject({
      debug: true,
      instance: intel.machine.ppid,
      reportData: new Uint8Array(64).fill(9),
      measurements: { MRENCLAVE: 'e1'.repeat(32), MRSIGNER: '51'.repeat(32) },
      tcb: { evaluationDataNumber: 20, tcbDate: Date.parse('2026-05-13T00:00:00Z') },
      platform: { ...intel.machine, sgxType: 1 },
    });
    const td = tdx.parse(tdxQuote(intel, { tdAttributes: Buffer.from('0100001000000000', 'hex') }, { version: 5 }));
    if (!td.ok) throw new Error(td.error.detail);
    expect(tdx.authenticate(td.value, { ...inputs, collateral: TDX }).claims).toMatchObject({
      debug: true,
      tdReport: '1.5',
      measurements: { MRTD: '7d'.repeat(48), RTMR3: '00'.repeat(48), MRSERVICETD: '00'.repeat(48) },
    });
  });
});
