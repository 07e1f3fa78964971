import { randomBytes } from 'node:crypto';
import { bytesEqual, toHex } from '../../core/bytes.ts';
import { refusal, type Refusal } from '../../core/errors.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Collateral, CollateralItem } from '../collateral/collateral.ts';
import { certificatesIn } from '../collateral/describe-item.ts';
import { readCollateral } from '../collateral/read-collateral.ts';
import { readSignedJson } from '../dcap/intel-json.ts';
import { readQeIdentity } from '../dcap/qe-identity.ts';
import { readTcbInfo } from '../dcap/tcb-info.ts';
import { total } from '../formats/malformed.ts';
import { parseRim } from '../nvidia-gpu/rim.ts';
import { fits } from '../nvidia-gpu/rim-choice.ts';
import { hardwareIdOf, tcbNumberOf } from '../sev-snp/kds-certificate.ts';
import { TCB_LAYOUT, readTcb, titleOf, type TcbComponent } from '../sev-snp/product.ts';
import { commonNameOf } from '../x509/certificate.ts';
import { parseOcspResponse } from '../x509/ocsp-response.ts';
import { ocspNonceOf } from '../x509/ocsp-status.ts';
import { parseRevocationList } from '../x509/revocation-list.ts';
import { requestText, type CollateralRequest } from './collateral-request.ts';
import { httpExchange, type HttpAnswer, type HttpLimits, type HttpQuestion } from './http-exchange.ts';
import { ocspRequest } from './ocsp-request.ts';

/** Where items come from: a vendor's service, or what a hospital has in its place. */
export interface CollateralFetcher {
  /**
   * Items that answer the request, with the certificates that came along: of the right form and about what was asked,
   * their signatures not yet verified (`acceptItems` does, before anything is kept).
   */
  fetch(request: CollateralRequest): Promise<Result<Collateral, Refusal>>;
}

/** Addresses of the vendors' services. */
export interface VendorUrls {
  /** Provisioning certification service, API version 4. */
  readonly intel: URL;
  readonly intelRootList: URL;
  readonly amd: URL;
  readonly nvidiaRim: URL;
  readonly nvidiaOcsp: URL;
}

export const VENDOR_URLS: VendorUrls = {
  intel: new URL('https://api.trustedservices.intel.com'),
  intelRootList: new URL('https://certificates.trustedservices.intel.com/IntelSGXRootCA.der'),
  amd: new URL('https://kdsintf.amd.com'),
  nvidiaRim: new URL('https://rim.attestation.nvidia.com'),
  nvidiaOcsp: new URL('https://ocsp.ndis.nvidia.com'),
};

const LIMITS: HttpLimits = { timeoutMs: 30_000, maxBytes: 4 * 1024 * 1024 };
const NONCE_BYTES = 32;
/** Header with the issuers, PEM, percent-encoded (Intel PCS API v4). */
const ISSUER_CHAIN = {
  'intel-tcb-info': 'tcb-info-issuer-chain',
  'intel-qe-identity': 'sgx-enclave-identity-issuer-chain',
  'intel-pck-list': 'sgx-pck-crl-issuer-chain',
} as const;
/** Parameters of AMD's key server (57230 §2.1), in the order of its specification. */
const SPL: readonly (readonly [TcbComponent, string])[] = [
  ['fmc', 'fmcSPL'],
  ['bootloader', 'blSPL'],
  ['tee', 'teeSPL'],
  ['snp', 'snpSPL'],
  ['microcode', 'ucodeSPL'],
];

/** Asks the vendors themselves, one exchange per request, nothing kept between them. */
export function vendorFetcher(urls: VendorUrls = VENDOR_URLS, limits: HttpLimits = LIMITS): CollateralFetcher {
  return {
    async fetch(request) {
      const what = requestText(request);
      const nonce = randomBytes(NONCE_BYTES);
      const answer = await httpExchange({ ...question(request, urls, nonce), what }, limits);
      if (!answer.ok) return answer;
      const items = itemsIn(answer.value, request, what);
      if (!items.ok) return items;
      const right = items.value.some((item) => answers(item, request, nonce));
      return right ? items : err(refusal('E-ATTEST-COLLATERAL-INVALID', `${what}: the answer is about something else`));
    },
  };
}

function question(request: CollateralRequest, urls: VendorUrls, nonce: Uint8Array): Omit<HttpQuestion, 'what'> {
  switch (request.kind) {
    case 'intel-tcb-info':
      return { url: below(urls.intel, `${request.tee}/certification/v4/tcb`, { fmspc: request.fmspc }) };
    case 'intel-qe-identity':
      return { url: below(urls.intel, `${request.tee}/certification/v4/qe/identity`) };
    case 'intel-pck-list': {
      const parameters = { ca: request.authority, encoding: 'der' };
      return { url: below(urls.intel, 'sgx/certification/v4/pckcrl', parameters) };
    }
    case 'intel-root-list':
      return { url: urls.intelRootList };
    case 'amd-chip-key': {
      const path = `vcek/v1/${titleOf(request.product)}/${toHex(request.chipId)}`;
      return { url: below(urls.amd, path, securityVersions(request)) };
    }
    case 'amd-chain':
    case 'amd-list': {
      const name = request.kind === 'amd-chain' ? 'cert_chain' : 'crl';
      return { url: below(urls.amd, `${request.key}/v1/${titleOf(request.product)}/${name}`) };
    }
    case 'nvidia-rim':
      return { url: below(urls.nvidiaRim, `v1/rim/${encodeURIComponent(request.rim.id)}`) };
    case 'nvidia-ocsp': {
      const [certificate, issuer] = request.chain;
      const body = ocspRequest(certificate, issuer, nonce);
      return { url: urls.nvidiaOcsp, post: { type: 'application/ocsp-request', body } };
    }
  }
}

function below(base: URL, path: string, parameters: Readonly<Record<string, string>> = {}): URL {
  const url = new URL(`${base.pathname.replace(/\/$/, '')}/${path}`, base);
  url.search = new URLSearchParams(parameters).toString();
  return url;
}

/** Two decimal digits each, as AMD's own tools write them. */
function securityVersions(request: Extract<CollateralRequest, { kind: 'amd-chip-key' }>): Record<string, string> {
  const tcb = readTcb(request.product, request.reportedTcb);
  return Object.fromEntries(
    SPL.flatMap(([component, name]) => {
      const version = tcb[component];
      return version === undefined ? [] : [[name, String(version).padStart(2, '0')]];
    }),
  );
}

function itemsIn(
  { body, headers }: HttpAnswer,
  request: CollateralRequest,
  what: string,
): Result<CollateralItem[], Refusal> {
  const read = readCollateral(body, what);
  if (!read.ok) return read;
  const issuers = issuersIn(headers, request, what);
  if (!issuers.ok) return issuers;
  const asked = request.kind === 'nvidia-ocsp' ? request.chain : [];
  const known = asked.map(({ der }): CollateralItem => ({ kind: 'certificate', der }));
  return ok([...read.value, ...issuers.value, ...known]);
}

function issuersIn(headers: Headers, request: CollateralRequest, what: string): Result<Collateral, Refusal> {
  const name = Object.hasOwn(ISSUER_CHAIN, request.kind)
    ? ISSUER_CHAIN[request.kind as keyof typeof ISSUER_CHAIN]
    : null;
  const header = name === null ? null : headers.get(name);
  if (header === null) return ok([]);
  try {
    return readCollateral(Buffer.from(decodeURIComponent(header)), `${what}: issuer chain`);
  } catch {
    return err(refusal('E-ATTEST-COLLATERAL-INVALID', `${what}: its issuer chain is not percent-encoded`));
  }
}

/** Whether an item is what was asked for: any other may be genuine, and would leave the question open. */
function answers(item: CollateralItem, request: CollateralRequest, nonce: Uint8Array): boolean {
  switch (request.kind) {
    case 'intel-tcb-info': {
      if (item.kind !== 'intel-tcb-info') return false;
      const info = total('TCB info', () => readTcbInfo(readSignedJson(item.text, 'tcbInfo').value));
      return info.ok && info.value.tee === request.tee && info.value.fmspc === request.fmspc;
    }
    case 'intel-qe-identity': {
      if (item.kind !== 'intel-qe-identity') return false;
      const identity = total('QE identity', () => readQeIdentity(readSignedJson(item.text, 'enclaveIdentity').value));
      return identity.ok && identity.value.tee === request.tee;
    }
    case 'intel-pck-list':
      return isListOf(item, `Intel SGX PCK ${request.authority === 'platform' ? 'Platform' : 'Processor'} CA`);
    case 'intel-root-list':
      return isListOf(item, 'Intel SGX Root CA');
    case 'amd-list':
      return isListOf(item, `ARK-${titleOf(request.product)}`);
    case 'amd-chain':
      return item.kind === 'certificate';
    case 'amd-chip-key':
      return certificatesIn([item]).some((certificate) => {
        const chip = hardwareIdOf(certificate);
        const layout = TCB_LAYOUT[request.product];
        const sameTcb = layout.every(
          ({ extension }, index) => tcbNumberOf(certificate, extension) === request.reportedTcb[index],
        );
        return chip !== null && bytesEqual(chip, request.chipId) && sameTcb;
      });
    case 'nvidia-rim': {
      const rim = item.kind === 'rim' ? parseRim(item.text) : null;
      return rim?.ok === true && fits(rim.value, request.rim);
    }
    case 'nvidia-ocsp': {
      const response = item.kind === 'ocsp-response' ? parseOcspResponse(item.der) : null;
      if (response?.ok !== true) return false;
      const returned = ocspNonceOf(response.value);
      const ours = returned !== null && bytesEqual(returned, nonce);
      return ours && response.value.answers.some(({ id }) => id.serial === request.chain[0].serial);
    }
  }
}

function isListOf(item: CollateralItem, issuer: string): boolean {
  if (item.kind !== 'revocation-list') return false;
  const list = parseRevocationList(item.der);
  const name = list.ok ? total('name', () => commonNameOf(list.value.issuer)) : list;
  return name.ok && name.value === issuer;
}
