import { describe, expect, it } from 'vitest';
import type { CollateralRequest } from '../../../../lib/attestation/collateral-fetch/collateral-request.ts';
import { fetchNeeded } from '../../../../lib/attestation/collateral-fetch/fetch-needed.ts';
import { neededCollateral } from '../../../../lib/attestation/collateral-fetch/needed-collateral.ts';
import { vendorFetcher } from '../../../../lib/attestation/collateral-fetch/vendor-fetcher.ts';
import {
  acceptItems,
  EMPTY_STATE,
  type CollateralState,
} from '../../../../lib/attestation/collateral/collateral-state.ts';
import { verifyEvidence } from '../../../../lib/attestation/verify-evidence.ts';
import { VENDOR_ROOTS, type VendorRoots } from '../../../../lib/attestation/trust/vendor-roots.ts';
import { refusal, type Refusal } from '../../../../lib/core/errors.ts';
import { AMD_AT, amdList, chipKey, snpReport, TCB, TURIN_TCB } from '../../../authorities/amd-authority.ts';
import { intelAuthority, qeIdentity, sgxQuote, tcbInfo, tdxQuote } from '../../../authorities/intel-authority.ts';
import { nitroAuthority, nitroDocument } from '../../../authorities/nitro-authority.ts';
import { evidenceOf } from '../../../authorities/nvidia-authority.ts';
import { evidenceVectorsAbsent, vectorBytes } from '../../../vectors/attestation/evidence-vectors.ts';
import {
  everyVendor,
  fakeRoots,
  gpu,
  intel,
  milan,
  nvidia,
  ocspReply,
  urlsOf,
  vceks,
  vendorServer,
  type Handler,
  type Reply,
} from './vendor-server.ts';

const vendor = await vendorServer(everyVendor);
const LIMITS = { timeoutMs: 5000, maxBytes: 1_000_000 };
const fetcher = vendorFetcher(urlsOf(vendor), LIMITS);

function needed(evidence: Uint8Array): readonly CollateralRequest[] {
  const requests = neededCollateral(evidence);
  if (!requests.ok) throw new Error(requests.error.detail);
  return requests.value;
}

/** Everything that is needed, fetched, verified and kept. */
async function fetched(
  evidence: Uint8Array,
  roots: VendorRoots = fakeRoots,
): Promise<{ state: CollateralState; faults: Refusal[] }> {
  let state = EMPTY_STATE;
  const faults: Refusal[] = [];
  vendor.asked.length = 0;
  await fetchNeeded(needed(evidence), {
    fetcher,
    accept: (items) => {
      const accepted = acceptItems(state, items, roots);
      if (accepted.ok) ({ state } = accepted.value);
      return accepted;
    },
    report: (_, outcome) => {
      if (!outcome.ok) faults.push(...outcome.error);
    },
  });
  return { state, faults };
}

const chip = 'c5'.repeat(64);
const milanReport = snpReport(vceks.milan, { product: 'milan', tcb: TCB });
const questions: readonly (readonly [string, Uint8Array, number, readonly string[]])[] = [
  [
    'an SGX quote',
    sgxQuote(intel),
    intel.at.getTime(),
    [
      'GET /mirror/sgx/certification/v4/tcb?fmspc=00906ed50000',
      'GET /mirror/sgx/certification/v4/qe/identity',
      'GET /mirror/sgx/certification/v4/pckcrl?ca=platform&encoding=der',
      'GET /mirror/root.der',
    ],
  ],
  [
    'a TDX quote',
    tdxQuote(intel),
    intel.at.getTime(),
    [
      'GET /mirror/tdx/certification/v4/tcb?fmspc=00906ed50000',
      'GET /mirror/tdx/certification/v4/qe/identity',
      'GET /mirror/sgx/certification/v4/pckcrl?ca=platform&encoding=der',
      'GET /mirror/root.der',
    ],
  ],
  [
    'a SEV-SNP report of a Milan',
    milanReport,
    AMD_AT,
    [
      'GET /mirror/vcek/v1/Milan/cert_chain',
      'GET /mirror/vcek/v1/Milan/crl',
      `GET /mirror/vcek/v1/Milan/${chip}?blSPL=03&teeSPL=02&snpSPL=08&ucodeSPL=115`,
    ],
  ],
  [
    'a SEV-SNP report of a Turin, with the FMC and eight bytes of chip id',
    snpReport(vceks.turin, { product: 'turin', tcb: TURIN_TCB }),
    AMD_AT,
    [
      'GET /mirror/vcek/v1/Turin/cert_chain',
      'GET /mirror/vcek/v1/Turin/crl',
      `GET /mirror/vcek/v1/Turin/${'c5'.repeat(8)}?fmcSPL=01&blSPL=02&teeSPL=03&snpSPL=04&ucodeSPL=81`,
    ],
  ],
  [
    'two GPUs of one node, with RIMs asked for once and their signers after them',
    evidenceOf(gpu, gpu),
    AMD_AT,
    [
      'GET /mirror/v1/rim/NV_GPU_DRIVER_GH100_600.01',
      'GET /mirror/v1/rim/NV_GPU_VBIOS_1010_0200_882_9600AA0001',
      ...Array<string>(4).fill('POST /mirror/ocsp'),
    ],
  ],
];

describe('what evidence needs', () => {
  it.each(questions)('%s: is asked for, and suffices', async (_, evidence, at, asked) => {
    const { state, faults } = await fetched(evidence);
    expect([faults, vendor.asked]).toEqual([[], asked]);
    const verdict = verifyEvidence({
      format: 'auto',
      bytes: evidence,
      collateral: state.held.map(({ item }) => item),
      at,
      roots: fakeRoots,
      policy: null,
      expected: {},
    });
    // The two GPUs are the same one, which is refused: everything else must hold.
    const failed = verdict.checks.filter(({ passed, name }) => !passed && !/distinct|twice|devices/.test(name));
    expect(failed.map(({ name, got }) => `${name}: ${got}`)).toEqual([]);
  });

  it('is nothing for AWS Nitro, whose documents bring all there is', () => {
    const at = Date.parse('2026-06-01');
    expect(needed(nitroDocument(nitroAuthority(at), { timestamp: at }))).toEqual([]);
  });

  it('is the authorities alone for a VLEK, which AMD gives to nobody but providers', () => {
    const report = snpReport(vceks.milan, { product: 'milan', tcb: TCB, signingKey: 1 });
    expect(needed(report)).toMatchObject([
      { kind: 'amd-chain', key: 'vlek' },
      { kind: 'amd-list', key: 'vlek' },
    ]);
  });

  it('cannot be told from a quote without its PCK certificate, or from something else', () => {
    const bare = sgxQuote(intel, {}, { certificationType: 3, certificationData: Buffer.alloc(404) });
    expect(neededCollateral(bare)).toMatchObject({ ok: false, error: { code: 'E-ATTEST-COLLATERAL' } });
    expect(neededCollateral(Buffer.from('hello'))).toMatchObject({ ok: false, error: { code: 'E-ATTEST-MALFORMED' } });
  });

  it('is kept only where it leads to the vendor: a server in its place gets nothing in', async () => {
    const { state, faults } = await fetched(milanReport, VENDOR_ROOTS);
    expect(state).toEqual(EMPTY_STATE);
    expect(new Set(faults.map(({ code }) => code))).toEqual(new Set(['E-ATTEST-COLLATERAL-INVALID']));
  });
});

const TCB_INFO: CollateralRequest = { kind: 'intel-tcb-info', tee: 'sgx', fmspc: '00906ed50000' };
const QE: CollateralRequest = { kind: 'intel-qe-identity', tee: 'tdx' };
const ARK_LIST: CollateralRequest = { kind: 'amd-list', product: 'milan', key: 'vcek' };
const [CHIP_KEY] = needed(milanReport).filter(({ kind }) => kind === 'amd-chip-key');
const [RIM, , OCSP] = needed(evidenceOf(gpu));
const textBody = (item: ReturnType<typeof tcbInfo>): Reply => ({ body: 'text' in item ? item.text : '' });
const always =
  (reply: Reply): Handler =>
  () =>
    reply;

describe('an answer that is no answer', () => {
  async function outcome(answer: Handler, request: CollateralRequest = TCB_INFO, limits = LIMITS): Promise<string> {
    vendor.answer = answer;
    const result = await vendorFetcher(urlsOf(vendor), limits).fetch(request);
    vendor.answer = everyVendor;
    return result.ok ? 'ok' : `${result.error.code} ${result.error.detail}`;
  }
  const whole = textBody(tcbInfo(intel)).body ?? '';
  const cut =
    (headers: Record<string, string>): Handler =>
    (_, response) => {
      response.writeHead(200, headers);
      response.write(String(whole).slice(0, 100), () => response.destroy());
      return null;
    };

  it.each<[string, Handler, RegExp]>([
    ['404', always({ status: 404 }), /^E-COLLATERAL-REFUSED .*status 404$/],
    ['403', always({ status: 403 }), /^E-COLLATERAL-REFUSED .*status 403$/],
    ['204', always({ status: 204 }), /^E-COLLATERAL-REFUSED .*status 204$/],
    [
      'a redirect',
      always({ status: 302, headers: { location: 'http://127.0.0.1:1/' } }),
      /^E-COLLATERAL-REFUSED .*status 302: a redirect, not followed$/,
    ],
    [
      '429 with seconds',
      always({ status: 429, headers: { 'retry-after': '120' } }),
      /^E-COLLATERAL-UNREACHABLE .*status 429: try again after 120 seconds$/,
    ],
    [
      '429 with a date',
      always({ status: 429, headers: { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' } }),
      /after Wed, 21 Oct 2026 07:28:00 GMT$/,
    ],
    [
      '429 with anything else',
      always({ status: 429, headers: { 'retry-after': '<script>' } }),
      /^E-COLLATERAL-UNREACHABLE .*status 429$/,
    ],
    ['503', always({ status: 503 }), /^E-COLLATERAL-UNREACHABLE .*status 503$/],
    [
      'a body that is cut off',
      cut({ 'content-length': '5000' }),
      /^E-COLLATERAL-UNREACHABLE .*UND_ERR|cut off|ECONNRESET/,
    ],
    ['a chunked body that is cut off', cut({}), /^E-COLLATERAL-UNREACHABLE /],
    ['no body', always({ body: '' }), /^E-ATTEST-COLLATERAL-INVALID .*neither PEM/],
    ['a login page', always({ body: '<html>Please log in</html>' }), /^E-ATTEST-COLLATERAL-INVALID .*neither PEM/],
    ['half of it', always({ body: String(whole).slice(0, 300) }), /^E-ATTEST-COLLATERAL-INVALID .*not JSON/],
    [
      'the issuers in no encoding',
      always({ body: whole, headers: { 'TCB-Info-Issuer-Chain': '%zz' } }),
      /not percent-encoded/,
    ],
    [
      'issuers that are none',
      always({ body: whole, headers: { 'TCB-Info-Issuer-Chain': 'Intel' } }),
      /issuer chain: neither PEM/,
    ],
  ])('is refused: %s', async (_, answer, wanted) => {
    expect(await outcome(answer)).toMatch(wanted);
  });

  it.each<[string, CollateralRequest | undefined, Handler]>([
    [
      'TCB info of another machine',
      TCB_INFO,
      always(textBody(tcbInfo(intelAuthority({ machine: { fmspc: '00906ed50001' } })))),
    ],
    ['TCB info of TDX', TCB_INFO, always(textBody(tcbInfo(intel, { tee: 'tdx' })))],
    ['a QE identity in place of TCB info', TCB_INFO, always(textBody(qeIdentity(intel)))],
    ['the QE identity of SGX', QE, always(textBody(qeIdentity(intel)))],
    ['the list of another authority', ARK_LIST, () => ({ body: derOf(amdList(vceks.turin)) })],
    [
      'the VCEK of the chip at another firmware',
      CHIP_KEY,
      always({ body: chipKey({ authority: milan, tcb: Uint8Array.of(2, ...TCB.subarray(1)) }).certificate }),
    ],
    ['the VCEK of another chip', CHIP_KEY, always({ body: vceks.turin.certificate })],
    [
      'another RIM',
      RIM,
      (_, __, body) =>
        everyVendor({ url: '/mirror/v1/rim/NV_GPU_VBIOS_1010_0200_882_9600AA0001' } as never, _ as never, body),
    ],
    ['an OCSP answer to another nonce', OCSP, (_, __, body) => ocspReply(body, new Uint8Array(32))],
    ['an OCSP answer to no nonce', OCSP, () => ({ body: derOf(nvidia.ocsp(gpu.identity, nvidia.provisioner)) })],
    [
      'an OCSP answer about another certificate',
      OCSP,
      (_, __, body) => ({
        body: derOf(nvidia.ocsp(nvidia.provisioner, nvidia.deviceRoot, { nonce: body.subarray(-32) })),
      }),
    ],
  ])('is refused as another than was asked for: %s', async (_, request, answer) => {
    expect(request).toBeDefined();
    expect(await outcome(answer, request ?? TCB_INFO)).toMatch(/^E-ATTEST-COLLATERAL-INVALID .*about something else$/);
  });

  it('is refused when it is too large, whatever length it claims', async () => {
    const limits = { timeoutMs: 5000, maxBytes: 10_000 };
    const endless: Handler = (_, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(1000)));
      };
      response.on('drain', more);
      more();
      return null;
    };
    for (const answer of [always({ body: 'x'.repeat(10_001) }), endless])
      expect(await outcome(answer, TCB_INFO, limits)).toMatch(/^E-ATTEST-COLLATERAL-INVALID .*more than 10000 bytes$/);
    expect(await outcome(always({ body: whole }), TCB_INFO, limits)).toBe('ok');
  });

  it('is refused when it does not come, or does not end', async () => {
    const limits = { timeoutMs: 100, maxBytes: 10_000 };
    const starts: Handler = (_, response) => {
      response.writeHead(200);
      response.write('{');
      return null;
    };
    for (const answer of [() => null, starts])
      expect(await outcome(answer, TCB_INFO, limits)).toMatch(
        /^E-COLLATERAL-UNREACHABLE .*no whole answer within 0.1 s$/,
      );
  });

  it('is refused when nobody listens, and names neither chip nor address of the machine', async () => {
    const nobody = vendorFetcher({ ...urlsOf(vendor), amd: new URL('http://127.0.0.1:1') }, LIMITS);
    const result = await nobody.fetch(CHIP_KEY ?? TCB_INFO);
    const detail = result.ok ? '' : `${result.error.code} ${result.error.detail}`;
    expect(detail).toMatch(
      /^E-COLLATERAL-UNREACHABLE VCEK of Milan chip c5c5c5c5c5c5c5c5… at 0302000000000873 from 127.0.0.1:1: /,
    );
    expect(detail).not.toContain(chip);
  });

  it('keeps nothing else from being fetched', async () => {
    vendor.answer = (request, response, body) =>
      request.url?.includes('/qe/') === true ? { status: 429 } : everyVendor(request, response, body);
    const { state, faults } = await fetched(sgxQuote(intel));
    vendor.answer = everyVendor;
    expect(faults).toMatchObject([refusal('E-COLLATERAL-UNREACHABLE', faults[0]?.detail ?? '')]);
    expect(state.held.map(({ facts }) => facts.kind).filter((kind) => kind !== 'certificate')).toEqual([
      'intel-tcb-info',
      'revocation-list',
      'revocation-list',
    ]);
  });
});

describe.skipIf(evidenceVectorsAbsent)('recorded answers of Intel and NVIDIA', () => {
  const rs = 'tdx/confidential-dot-ai+attestation-rs/crates/attestation/test_data/collateral/';
  const google = 'tdx/google+go-tdx-guest/testing/testdata/';
  const signers = (): Record<string, string> => {
    const pem = encodeURIComponent(Buffer.from(vectorBytes(`${rs}tcb_signing_chain.pem`)).toString());
    return { 'TCB-Info-Issuer-Chain': pem, 'SGX-Enclave-Identity-Issuer-Chain': pem };
  };
  const rim =
    'nvidia/NVIDIA+attestation-sdk/nv-attestation-sdk-cpp/unit-tests/testdata/NV_GPU_DRIVER_GH100_550.144.03.xml';
  it.each<[string, CollateralRequest, () => Reply, string]>([
    [
      'TCB info',
      { kind: 'intel-tcb-info', tee: 'tdx', fmspc: '90c06f000000' },
      () => ({ headers: signers(), body: vectorBytes(`${google}sample_tcbinfo_response_v5`) }),
      'intel-tcb-info',
    ],
    [
      'QE identity',
      { kind: 'intel-qe-identity', tee: 'tdx' },
      () => ({ headers: signers(), body: vectorBytes(`${rs}td_qe_identity.json`) }),
      'intel-qe-identity',
    ],
    [
      'root list',
      { kind: 'intel-root-list' },
      () => ({ body: vectorBytes(`${rs}root_ca_crl.der`) }),
      'revocation-list',
    ],
    [
      'RIM',
      {
        kind: 'nvidia-rim',
        rim: { id: 'NV_GPU_DRIVER_GH100_550.144.03', products: ['GH100'], edition: 'GPU', version: '550.144.03' },
      },
      () => ({ body: JSON.stringify({ rim: Buffer.from(vectorBytes(rim)).toString('base64') }) }),
      'rim',
    ],
  ])('%s: is taken, and leads to the vendor', async (_, request, reply, kind) => {
    const root = {
      kind: 'certificate',
      der: vectorBytes('roots/Phala-Network+dcap-qvl/src/TrustedRootCA.der'),
    } as const;
    vendor.answer = always(reply());
    const answer = await fetcher.fetch(request);
    vendor.answer = everyVendor;
    if (!answer.ok) throw new Error(answer.error.detail);
    const accepted = acceptItems(EMPTY_STATE, [root, ...answer.value], VENDOR_ROOTS);
    expect(accepted.ok ? accepted.value.stored.map((facts) => facts.kind) : accepted.error).toContain(kind);
  });
});

const derOf = (item: ReturnType<typeof amdList>): Uint8Array => ('der' in item ? item.der : new Uint8Array());
