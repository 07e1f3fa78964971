import { decodeEvidence, encodeEvidence } from '../../lib/attestation/evidence.ts';
import { readTpmQuote } from '../../lib/attestation/azure/tpm-quote.ts';
import { encodeBundle, readBundle } from '../../lib/attestation/collateral/bundle.ts';
import { readState } from '../../lib/attestation/collateral/collateral-state.ts';
import { certificatesIn, describeItem } from '../../lib/attestation/collateral/describe-item.ts';
import { readCollateral } from '../../lib/attestation/collateral/read-collateral.ts';
import { readPckPlatform } from '../../lib/attestation/dcap/pck-platform.ts';
import { parseQeIdentity, parseTcbInfo } from '../../lib/attestation/dcap/signed-answer.ts';
import { earCbor } from '../../lib/attestation/ear.ts';
import { parseCcel } from '../../lib/attestation/event-log/ccel.ts';
import { replay } from '../../lib/attestation/event-log/measured-event.ts';
import type { EvidenceFormat } from '../../lib/attestation/evidence-claims.ts';
import { coseSigned, readCoseSign1 } from '../../lib/attestation/formats/cose-sign1.ts';
import { Der, TAG } from '../../lib/attestation/formats/der.ts';
import { asciiOf } from '../../lib/attestation/formats/encoded-text.ts';
import { total } from '../../lib/attestation/formats/malformed.ts';
import { readCbor } from '../../lib/attestation/formats/strict-cbor.ts';
import { certifiedDevice } from '../../lib/attestation/nvidia-gpu/device-certificate.ts';
import { deviceIdentity } from '../../lib/attestation/nvidia-gpu/device-identity.ts';
import { parseRim } from '../../lib/attestation/nvidia-gpu/rim.ts';
import { readSpdmReport } from '../../lib/attestation/nvidia-gpu/spdm-report.ts';
import { POLICY_FORMAT, readPolicy } from '../../lib/attestation/policy/policy.ts';
import { PLATFORMS, platformOf } from '../../lib/attestation/platforms.ts';
import { readEvidenceFile } from '../../lib/attestation/read-evidence.ts';
import { parseEnvelopedData } from '../../lib/attestation/sealing/enveloped-data.ts';
import { readCertificateTable } from '../../lib/attestation/sev-snp/certificate-table.ts';
import { hardwareIdOf, keyKindOf, namedProduct, tcbNumberOf } from '../../lib/attestation/sev-snp/kds-certificate.ts';
import { verifyEvidence } from '../../lib/attestation/verify-evidence.ts';
import { parseCertificate } from '../../lib/attestation/x509/certificate.ts';
import { parseOcspResponse } from '../../lib/attestation/x509/ocsp-response.ts';
import { readPem } from '../../lib/attestation/x509/pem.ts';
import { parseRevocationList } from '../../lib/attestation/x509/revocation-list.ts';
import { utf8 } from '../../lib/core/bytes.ts';
import { certificateTable, TABLE_GUID } from '../authorities/amd-authority.ts';
import { envelopedData } from '../authorities/kms-authority.ts';
import { newTpmKey } from '../authorities/azure-authority.ts';
import { pem } from '../authorities/intel-authority.ts';
import type { PlatformSample } from '../vectors/attestation/platform-samples.ts';
import type { Quarry } from './hunt.ts';
import {
  bundleItems,
  ccelLog,
  ders,
  dstackSeeds,
  evidence,
  files,
  hclReports,
  intel,
  json,
  ofFormat,
  once,
  policies,
  samples,
  some,
  spdmReports,
  state,
  texts,
  tpmQuotes,
} from './seeds.ts';

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Parses, and shows every field of what was parsed. */
const platform =
  (format: EvidenceFormat) =>
  (bytes: Uint8Array): boolean => {
    const module = platformOf(format);
    module?.recognises(bytes);
    const parsed = module?.parse(bytes);
    if (parsed?.ok === true) parsed.value.fields();
    return parsed?.ok === true;
  };

/** What real structures have; mutants repeat elements by the ten thousand, and each refusal makes an Error. */
const MAX_READ = 500;

/** The reader of each element's own type; what it refuses there is no verdict on the whole. */
function walk(root: Der): void {
  const elements = [root];
  for (let at = 0; at < Math.min(elements.length, MAX_READ); at++) {
    const element = elements[at] ?? root;
    const read = READERS[element.tag];
    if (read !== undefined) total('', () => read(element));
    if ((element.tag & 0x20) === 0) continue;
    for (const child of element.children()) elements.push(child);
  }
}
const READERS: Readonly<Record<number, (one: Der) => unknown>> = {
  [TAG.oid]: (one) => one.oid(''),
  [TAG.integer]: (one) => one.smallInteger(''),
  [TAG.utcTime]: (one) => one.time(''),
  [TAG.generalizedTime]: (one) => one.time(''),
  [TAG.utf8]: (one) => one.text(''),
  [TAG.bitString]: (one) => one.namedBits(''),
  [TAG.boolean]: (one) => one.boolean(''),
};

function isCertificate(der: Uint8Array): boolean {
  const parsed = parseCertificate(der);
  if (!parsed.ok) return false;
  const { value } = parsed;
  total('', () => readPckPlatform(value));
  [keyKindOf, hardwareIdOf, namedProduct].forEach((read) => read(value));
  tcbNumberOf(value, '3.1');
  certifiedDevice([value, value]);
  return true;
}

const REGISTERS = Array.from({ length: 24 }, (_, index) => new Uint8Array(32).fill(index));

const quarry = (
  name: string,
  style: Quarry['style'],
  seeds: () => readonly Uint8Array[],
  parse: Quarry['parse'],
): Quarry => ({ name, style, seeds: () => some(seeds()), parse });

/** Verdicts on the mutants of one piece of evidence, or with one changed item of collateral. */
function verdicts(): Quarry[] {
  const policy = readPolicy({
    format: POLICY_FORMAT,
    platforms: PLATFORMS.map(({ format }) => format),
    revocation: 'accept-absent',
    anyProgram: true,
    maxCollateralAgeDays: 30,
  });
  if (!policy.ok) throw new Error('the policy is refused');
  const judged = (sample: PlatformSample, changed: Partial<PlatformSample>): boolean => {
    const verdict = verifyEvidence({ ...sample, ...changed, format: 'auto', policy: policy.value });
    earCbor(verdict, 'fuzz');
    return verdict.outcome === 'affirming' || verdict.outcome === 'refused';
  };
  const names = ['sgx', 'tdx', 'sev-snp', 'nitro', 'nvidia-gpu', 'azure on sev-snp'];
  return names.flatMap((name) => {
    const sample = once(() => {
      const found = samples().find((one) => one.name === name);
      if (found === undefined) throw new Error(`no sample of ${name}`);
      return found;
    });
    const bundle = (): Uint8Array => encodeBundle(sample().collateral);
    const whole = quarry(
      `verify-evidence: ${name}`,
      'binary',
      () => [sample().bytes],
      (bytes) => judged(sample(), { bytes }),
    );
    const withItems = quarry(
      `verify-evidence: collateral of ${name}`,
      'binary',
      () => [bundle()],
      (bytes) => {
        const read = total('bundle', () => readBundle(bytes));
        return read.ok && judged(sample(), { collateral: read.value });
      },
    );
    return name === 'nitro' ? [whole] : [whole, withItems];
  });
}

const isRight = ({ ok }: { readonly ok: boolean }): boolean => ok;

/** Everything in lib/attestation that takes bytes from outside. */
export const QUARRIES: readonly Quarry[] = [
  quarry(
    'der',
    'der',
    () => [...ders('certificate'), ...ders('revocation-list'), ...ders('ocsp-response')],
    (bytes) =>
      isRight(
        total('DER', () => {
          walk(Der.read(bytes));
        }),
      ),
  ),
  quarry('certificate', 'der', () => [...ders('certificate'), ...files('roots', /\.(?:der|crt|cer)$/)], isCertificate),
  quarry(
    'revocation-list',
    'der',
    () => ders('revocation-list'),
    (bytes) => isRight(parseRevocationList(bytes)),
  ),
  quarry(
    'ocsp',
    'der',
    () => ders('ocsp-response'),
    (bytes) => isRight(parseOcspResponse(bytes)),
  ),
  quarry(
    'cms',
    'der',
    () => [envelopedData(utf8('a data key'), newTpmKey().publicKey)],
    (bytes) => isRight(parseEnvelopedData(bytes)),
  ),
  quarry(
    'pem',
    'text',
    () => [pem([intel().ca, intel().root]), ...files('', /\.pem$/)],
    (bytes) => isRight(total('PEM', () => readPem(latin1(bytes)))),
  ),
  quarry(
    'cbor',
    'binary',
    () => [...ofFormat('nitro'), encodeEvidence({ platform: 'nitro', bytes: new Uint8Array(9) })],
    (bytes) =>
      isRight(
        total('CBOR', () => readCbor(bytes, { maxDepth: 16, maxItems: 10_000, optionalTag: 18, indefiniteMap: true })),
      ),
  ),
  quarry(
    'cose',
    'binary',
    () => ofFormat('nitro'),
    (bytes) => isRight(total('COSE', () => coseSigned(readCoseSign1(bytes)))),
  ),
  quarry('nitro', 'binary', () => evidence('nitro', 'nitro'), platform('nitro')),
  quarry('sgx-quote', 'binary', () => evidence('sgx', 'sgx'), platform('sgx')),
  quarry('tdx-quote', 'binary', () => evidence('tdx', 'tdx'), platform('tdx')),
  quarry(
    'tcb-info',
    'json',
    () => texts('intel-tcb-info'),
    (bytes) => isRight(parseTcbInfo({ text: text(bytes) })),
  ),
  quarry(
    'qe-identity',
    'json',
    () => texts('intel-qe-identity'),
    (bytes) => isRight(parseQeIdentity({ text: text(bytes) })),
  ),
  quarry('snp-report', 'binary', () => evidence('sev-snp', 'sev-snp'), platform('sev-snp')),
  quarry(
    'certificate-table',
    'binary',
    () => [
      certificateTable([
        [TABLE_GUID.VCEK, ders('certificate')[0] ?? new Uint8Array(9)],
        [TABLE_GUID.CRL, new Uint8Array(50)],
      ]),
      ...files('extracted', /auxblob/),
    ],
    (bytes) => isRight(total('table', () => readCertificateTable(bytes))),
  ),
  quarry('azure', 'json', () => evidence('azure', 'azure'), platform('azure')),
  quarry(
    'hcl-report',
    'binary',
    () => [...evidence('azure', 'azure').filter((bytes) => asciiOf(bytes) === null), ...hclReports()],
    platform('azure'),
  ),
  quarry('tpm-quote', 'binary', tpmQuotes, (bytes) =>
    isRight(total('quote', () => readTpmQuote(bytes, bytes, REGISTERS))),
  ),
  quarry('dstack', 'json', dstackSeeds, platform('dstack')),
  quarry(
    'ccel',
    'binary',
    () => [...files('tdx', /ccel.*\.(?:bin|dat)$|CCEL/i), ccelLog()],
    (bytes) => {
      const log = parseCcel(bytes);
      if (log.ok) replay(log.value);
      return log.ok;
    },
  ),
  quarry('spdm-report', 'binary', spdmReports, (bytes) =>
    isRight(total('report', () => deviceIdentity(readSpdmReport(bytes)))),
  ),
  quarry('gpu-evidence', 'json', () => evidence('nvidia', 'nvidia-gpu'), platform('nvidia-gpu')),
  quarry(
    'rim',
    'text',
    () => [...texts('rim'), ...files('nvidia', /\.swidtag$/)],
    (bytes) => isRight(parseRim(text(bytes))),
  ),
  quarry(
    'read-evidence',
    'text',
    () => [...samples().map(({ bytes }) => bytes), ...files('', /\.(?:json|hex|pem|b64)$/)],
    (bytes) => {
      const read = readEvidenceFile(bytes);
      return read.ok && PLATFORMS.some(({ recognises }) => recognises(read.value.bytes));
    },
  ),
  quarry(
    'read-collateral',
    'json',
    () => [
      ...files('sgx', /collateral|tcb|identity/i),
      ...ders('certificate'),
      pem([intel().ca]),
      encodeBundle(bundleItems()),
    ],
    (bytes) => isRight(readCollateral(bytes)),
  ),
  quarry(
    'bundle',
    'binary',
    () => [encodeBundle(bundleItems())],
    (bytes) => isRight(total('bundle', () => readBundle(bytes))),
  ),
  quarry(
    'collateral-state',
    'binary',
    () => [state()],
    (bytes) => isRight(readState(bytes)),
  ),
  quarry(
    'describe-item',
    'binary',
    () => [encodeBundle(bundleItems())],
    (bytes) => {
      const read = total('bundle', () => readBundle(bytes));
      if (!read.ok) return false;
      const trust = { certificates: certificatesIn(read.value), roots: intel().roots };
      return read.value.map((item) => describeItem(item, trust)).some(isRight);
    },
  ),
  quarry('policy', 'json', policies, (bytes) => isRight(readPolicy(json(bytes)))),
  quarry(
    'envelope',
    'binary',
    () => ofFormat('nitro').map((bytes) => encodeEvidence({ platform: 'nitro', bytes })),
    (bytes) => isRight(decodeEvidence(bytes)),
  ),
  ...verdicts(),
];
