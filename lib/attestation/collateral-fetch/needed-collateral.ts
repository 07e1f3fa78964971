import { refusal, type Refusal } from '../../core/errors.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { looksLikeAzure, parseAzureEvidence } from '../azure/evidence.ts';
import type { Collateral } from '../collateral/collateral.ts';
import { certificatesIn } from '../collateral/describe-item.ts';
import { looksLikeQuote, parseQuote, type Quote } from '../dcap/quote.ts';
import { readPckPlatform, SGX_EXTENSION } from '../dcap/pck-platform.ts';
import { pathFrom } from '../dcap/certificate-pool.ts';
import { total } from '../formats/malformed.ts';
import { nitro } from '../nitro/nitro.ts';
import { certifiedDevice, deviceChain } from '../nvidia-gpu/device-certificate.ts';
import { IDENTITY_INDEX } from '../nvidia-gpu/device-checks.ts';
import type { DeviceEvidence } from '../nvidia-gpu/gpu-evidence.ts';
import { nvidiaGpu } from '../nvidia-gpu/nvidia-gpu.ts';
import { wantedRims } from '../nvidia-gpu/rim-choice.ts';
import { readEvidenceFile } from '../read-evidence.ts';
import { looksLikeSnp, parseSnpEvidence } from '../sev-snp/evidence.ts';
import { tableCollateral } from '../sev-snp/certificate-table.ts';
import { namedProduct } from '../sev-snp/kds-certificate.ts';
import { CHIP_ID_BYTES, lineOf, productOf } from '../sev-snp/product.ts';
import type { SnpEvidence } from '../sev-snp/evidence.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { CollateralRequest } from './collateral-request.ts';

/**
 * What a verdict on this evidence needs from the vendors; the evidence is parsed, not verified, so a forged one makes
 * us ask for what it names. Empty: everything comes with the evidence (AWS Nitro). E-ATTEST-MALFORMED; and
 * E-ATTEST-COLLATERAL where the evidence does not say which machine it is from.
 */
export function neededCollateral(file: Uint8Array): Result<readonly CollateralRequest[], Refusal> {
  const read = readEvidenceFile(file);
  if (!read.ok) return read;
  const { bytes, collateral } = read.value;
  if (looksLikeAzure(bytes)) return ofAzure(bytes, collateral);
  if (looksLikeQuote(bytes, 'tdx')) return quoteIn(bytes, 'tdx', collateral);
  if (looksLikeQuote(bytes, 'sgx')) return quoteIn(bytes, 'sgx', collateral);
  if (looksLikeSnp(bytes)) {
    const parsed = parseSnpEvidence(bytes);
    return parsed.ok ? ok(ofReport(parsed.value, collateral)) : parsed;
  }
  if (nvidiaGpu.recognises(bytes)) {
    const parsed = nvidiaGpu.parse(bytes);
    if (!parsed.ok) return parsed;
    return ofDevices(parsed.value.devices, certificatesIn(collateral));
  }
  if (nitro.recognises(bytes)) return ok([]);
  return err(refusal('E-ATTEST-MALFORMED', 'evidence: of no platform that is known here'));
}

function quoteIn(
  bytes: Uint8Array,
  tee: 'sgx' | 'tdx',
  collateral: Collateral,
): Result<readonly CollateralRequest[], Refusal> {
  const parsed = parseQuote(bytes, tee);
  return parsed.ok ? ofQuote(parsed.value, collateral) : parsed;
}

function ofAzure(bytes: Uint8Array, collateral: Collateral): Result<readonly CollateralRequest[], Refusal> {
  const parsed = parseAzureEvidence(bytes);
  if (!parsed.ok) return parsed;
  const { processor } = parsed.value;
  if (processor.kind === 'sev-snp') return ok(ofReport(processor.evidence, collateral));
  if (processor.quote !== null) return ofQuote(processor.quote, collateral);
  return err(refusal('E-ATTEST-COLLATERAL', 'the TDX quote of this Azure machine, which names its platform'));
}

function ofQuote(
  { header: { tee }, pckChain }: Quote,
  collateral: Collateral,
): Result<readonly CollateralRequest[], Refusal> {
  const given = certificatesIn(collateral);
  const pck = given.find(({ extensions }) => extensions.has(SGX_EXTENSION));
  const [leaf] = pckChain ?? (pck === undefined ? [] : pathFrom(pck, given));
  if (leaf === undefined) return err(refusal('E-ATTEST-COLLATERAL', 'the PCK certificate: the quote comes without it'));
  const platform = total('PCK certificate', () => readPckPlatform(leaf));
  if (!platform.ok) return platform;
  const { fmspc } = platform.value;
  const authority = leaf.issuerCommonName.includes('Processor') ? 'processor' : 'platform';
  return ok([
    { kind: 'intel-tcb-info', tee, fmspc },
    { kind: 'intel-qe-identity', tee },
    { kind: 'intel-pck-list', authority },
    { kind: 'intel-root-list' },
  ]);
}

/** Reports before version 3 name no processor: their certificate does, and else they are taken to be of a Milan. */
function ofReport({ report, certificates }: SnpEvidence, collateral: Collateral): CollateralRequest[] {
  const given = certificatesIn([...collateral, ...tableCollateral(certificates)]);
  const named = given.map(namedProduct).find((product) => product !== null);
  const line = report.cpu === null ? (named ?? 'milan') : lineOf(report.cpu);
  if (line === null) return [];
  const product = productOf(line);
  const key = report.signingKey === 'VLEK' ? 'vlek' : 'vcek';
  const chipId = report.chipId.subarray(0, CHIP_ID_BYTES[product]);
  // Only cloud providers are given VLEKs, and hand them to their guests.
  const ofChip = key === 'vcek' && chipId.some((byte) => byte !== 0);
  return [
    { kind: 'amd-chain', product, key },
    { kind: 'amd-list', product, key },
    ...(ofChip ? [{ kind: 'amd-chip-key', product, chipId, reportedTcb: report.reportedTcb } as const] : []),
  ];
}

function ofDevices(
  devices: readonly DeviceEvidence[],
  given: readonly Certificate[],
): Result<readonly CollateralRequest[], Refusal> {
  const requests: CollateralRequest[] = [];
  for (const device of devices) {
    const chain = deviceChain(device.report, device.chain, given);
    const { chip } = certifiedDevice(chain);
    const { kind, chipInfo } = device.identity;
    if (kind === 'gpu' && chip === null && chipInfo === null) {
      return err(refusal('E-ATTEST-COLLATERAL', 'the certificates of the GPU: its report does not name its chip'));
    }
    requests.push(...wantedRims(device, chip).map((rim) => ({ kind: 'nvidia-rim', rim }) as const));
    requests.push(...answersFor(chain.slice(IDENTITY_INDEX)));
  }
  return ok(requests);
}

/** OCSP answers about each certificate of a chain but the root. */
export const answersFor = (chain: readonly Certificate[]): CollateralRequest[] =>
  chain.flatMap((certificate, index) => {
    const [issuer, ...above] = chain.slice(index + 1);
    return issuer === undefined ? [] : [{ kind: 'nvidia-ocsp', chain: [certificate, issuer, ...above] } as const];
  });
