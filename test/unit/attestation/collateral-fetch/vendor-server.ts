import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll } from 'vitest';
import type { VendorUrls } from '../../../../lib/attestation/collateral-fetch/vendor-fetcher.ts';
import type { CollateralItem } from '../../../../lib/attestation/collateral/collateral.ts';
import type { VendorRoots } from '../../../../lib/attestation/trust/vendor-roots.ts';
import { amdAuthority, amdList, chipKey, TCB, TURIN_TCB } from '../../../authorities/amd-authority.ts';
import { intelAuthority, intelList, pem, qeIdentity, tcbInfo } from '../../../authorities/intel-authority.ts';
import { nvidiaAuthority } from '../../../authorities/nvidia-authority.ts';
import type { SigningParty } from '../../../authorities/x509-authority.ts';

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}
export type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => Reply | null;

export interface VendorServer {
  readonly url: URL;
  /** `GET /path?query` of every question, in order. */
  readonly asked: string[];
  /** What it answers from now on; null: the handler has written the answer, or never will. */
  answer: Handler;
}

/** An HTTP server on this machine that lives as long as the test file. */
export async function vendorServer(answer: Handler): Promise<VendorServer> {
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      vendor.asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
      const reply = vendor.answer(request, response, body);
      if (reply === null) return;
      response.writeHead(reply.status ?? 200, reply.headers);
      response.end(reply.body ?? '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const vendor: VendorServer = { url: new URL(`http://127.0.0.1:${port}/mirror/`), asked: [], answer };
  return vendor;
}

/** All services at one address. */
export const urlsOf = ({ url }: VendorServer): VendorUrls => ({
  intel: url,
  intelRootList: new URL('root.der', url),
  amd: url,
  nvidiaRim: url,
  nvidiaOcsp: new URL('ocsp', url),
});

export const intel = intelAuthority();
export const milan = amdAuthority('milan');
export const turin = amdAuthority('turin');
export const nvidia = nvidiaAuthority();
export const gpu = nvidia.gpu();
export const vceks = {
  milan: chipKey({ authority: milan, tcb: TCB }),
  turin: chipKey({ authority: turin, tcb: TURIN_TCB }),
};
export const fakeRoots: VendorRoots = {
  ...nvidia.roots,
  intel: intel.roots.intel,
  'amd-milan': [milan.ark.fingerprint],
  'amd-turin': [turin.ark.fingerprint],
};

const textOf = (item: CollateralItem | undefined): string => (item !== undefined && 'text' in item ? item.text : '');
const derOf = (item: CollateralItem): Uint8Array => ('der' in item ? item.der : new Uint8Array());
const chain = (...parties: readonly SigningParty[]): string => encodeURIComponent(pem(parties).toString());
const signers = chain(intel.tcbSigner, intel.root);
const [driver, vbios] = nvidia.rims();
const rimAnswer = (item: CollateralItem | undefined): Reply => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ id: 'X', rim: Buffer.from(textOf(item)).toString('base64') }),
});
const chip = 'c5'.repeat(64);
const withChain = (header: string, item: CollateralItem): Reply => ({
  headers: { [header]: signers },
  body: textOf(item),
});

/** What the vendors answer, by path and query as their interfaces have them. */
const REPLIES: Readonly<Record<string, () => Reply>> = {
  '/sgx/certification/v4/tcb?fmspc=00906ed50000': () => withChain('TCB-Info-Issuer-Chain', tcbInfo(intel)),
  '/tdx/certification/v4/tcb?fmspc=00906ed50000': () =>
    withChain('TCB-Info-Issuer-Chain', tcbInfo(intel, { tee: 'tdx' })),
  '/sgx/certification/v4/qe/identity': () => withChain('SGX-Enclave-Identity-Issuer-Chain', qeIdentity(intel)),
  '/tdx/certification/v4/qe/identity': () =>
    withChain('SGX-Enclave-Identity-Issuer-Chain', qeIdentity(intel, { tee: 'tdx' })),
  '/sgx/certification/v4/pckcrl?ca=platform&encoding=der': () => ({
    headers: { 'SGX-PCK-CRL-Issuer-Chain': chain(intel.ca, intel.root) },
    body: derOf(intelList(intel, intel.ca)),
  }),
  '/root.der': () => ({ body: derOf(intelList(intel, intel.root)) }),
  '/vcek/v1/Milan/cert_chain': () => ({ body: pem([milan.ask, milan.ark]) }),
  '/vlek/v1/Milan/cert_chain': () => ({ body: pem([milan.asvk, milan.ark]) }),
  '/vcek/v1/Milan/crl': () => ({ body: derOf(amdList(milan.ark)) }),
  '/vlek/v1/Milan/crl': () => ({ body: derOf(amdList(milan.ark)) }),
  [`/vcek/v1/Milan/${chip}?blSPL=03&teeSPL=02&snpSPL=08&ucodeSPL=115`]: () => ({ body: vceks.milan.certificate }),
  '/vcek/v1/Turin/cert_chain': () => ({ body: pem([turin.ask, turin.ark]) }),
  '/vcek/v1/Turin/crl': () => ({ body: derOf(amdList(turin.ark)) }),
  [`/vcek/v1/Turin/${'c5'.repeat(8)}?fmcSPL=01&blSPL=02&teeSPL=03&snpSPL=04&ucodeSPL=81`]: () => ({
    body: vceks.turin.certificate,
  }),
  '/v1/rim/NV_GPU_DRIVER_GH100_600.01': () => rimAnswer(driver),
  '/v1/rim/NV_GPU_VBIOS_1010_0200_882_9600AA0001': () => rimAnswer(vbios),
};

const ISSUED: readonly (readonly [SigningParty, SigningParty])[] = [
  [gpu.identity, nvidia.provisioner],
  [nvidia.provisioner, nvidia.deviceRoot],
  [nvidia.rimSigner, nvidia.rimIssuer],
  [nvidia.rimIssuer, nvidia.rimRoot],
];

/** All vendors at once; 404 for everything they do not know. */
export const everyVendor: Handler = (request, _, body) => {
  const path = (request.url ?? '').replace(/^\/mirror/, '');
  return path === '/ocsp' ? ocspReply(body) : (REPLIES[path]?.() ?? { status: 404, body: 'not found' });
};

/** Finds the certificate by its serial number in the question, and gives the nonce back, which is the end of it. */
export function ocspReply(question: Buffer, nonce: Uint8Array = question.subarray(-32)): Reply {
  const found = ISSUED.find(([certificate]) => question.includes(Buffer.from(serialOf(certificate))));
  if (found === undefined) return { status: 400 };
  const item = nvidia.ocsp(...found, { nonce, hash: 'sha384' });
  return { headers: { 'content-type': 'application/ocsp-response' }, body: derOf(item) };
}

/** The INTEGER after version in a certificate. */
function serialOf({ certificate }: SigningParty): Uint8Array {
  const version = Buffer.from(certificate).indexOf(Buffer.from('a003020102', 'hex'));
  return certificate.subarray(version + 5, version + 7 + (certificate[version + 6] ?? 0));
}
