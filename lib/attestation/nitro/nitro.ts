import { toHex } from '../../core/bytes.ts';
import type { Check } from '../attestation-result.ts';
import { authentication, NOT_AVAILABLE, type Authentication, type AuthenticationInputs } from '../authentication.ts';
import type { EvidenceClaims } from '../evidence-claims.ts';
import { coseSigned, ES384 } from '../formats/cose-sign1.ts';
import type { PlatformModule } from '../platform-module.ts';
import type { SectionValues } from '../policy/policy-section.ts';
import { checkChain, nameOf } from '../x509/check-chain.ts';
import type { Certificate } from '../x509/certificate.ts';
import { KEY_USAGE } from '../x509/extensions.ts';
import { rawSignatureHolds, schemeName } from '../x509/signature-algorithm.ts';
import { nitroFields } from './nitro-fields.ts';
import { parseNitroDocument, type NitroDocument } from './nitro-document.ts';
import { nitroPolicy } from './nitro-policy.ts';

export interface NitroClaims extends EvidenceClaims {
  readonly format: 'nitro';
  readonly instance: string;
  readonly issuedAt: number;
}

type NitroPolicy = SectionValues<typeof nitroPolicy.keys>;

const SCHEME = 'ECDSA with SHA384';
const CURVE = 'secp384r1';
/** Registers of the image (0), of kernel and boot (1), of the application (2). */
const IMAGE = 0;
const PARTS = [1, 2];
/** Register of the certificate that signed the image. */
const SIGNER = 8;

/** AWS Nitro Enclaves: attestation documents, untagged or tagged COSE_Sign1 (aws-nitro-enclaves-nsm-api). */
export const nitro: PlatformModule<NitroDocument, NitroClaims, typeof nitroPolicy.keys> = {
  format: 'nitro',
  recognises,
  parse: parseNitroDocument,
  fields: nitroFields,
  authenticate,
  policy: nitroPolicy,
  appraise,
};

/** An array of four whose first item is a byte string that holds a map with key 1, tag 18 before it or not. */
function recognises(bytes: Uint8Array): boolean {
  const [first, second, third, fourth] = bytes[0] === 0xd2 ? bytes.subarray(1) : bytes;
  return first === 0x84 && (second ?? 0) >> 5 === 2 && third === 0xa1 && fourth === 1;
}

function authenticate(document: NitroDocument, { at, roots }: AuthenticationInputs): Authentication<NitroClaims> {
  const { cose, leaf, authorities, timestamp } = document;
  const chain = [leaf, ...authorities.toReversed()];
  const signed = rawSignatureHolds('sha384', coseSigned(cose), cose.signature, leaf.publicKey);
  const unfit = chain.flatMap(unfitness);
  return authentication(claimsOf(document), [
    ...checkChain(chain, { roots: roots.nitro, at, label: 'Nitro' }),
    {
      name: 'Nitro key usage',
      code: 'E-ATTEST-SIGNATURE',
      passed: unfit.length === 0,
      got: unfit.length === 0 ? 'as AWS issues them' : unfit.join('; '),
      want: `P-384 keys, ${SCHEME}, key usage stated`,
    },
    {
      name: 'Nitro algorithm',
      code: 'E-ATTEST-SIGNATURE',
      passed: cose.algorithm === ES384,
      got: `COSE algorithm ${cose.algorithm}`,
      want: `COSE algorithm ${ES384} (ES384)`,
    },
    {
      name: 'Nitro signature',
      code: 'E-ATTEST-SIGNATURE',
      passed: signed,
      got: signed ? 'valid' : 'not made by the key of the certificate',
      want: 'made by the key of the certificate over header and payload',
    },
    {
      name: 'Nitro timestamp',
      code: 'E-ATTEST-MISMATCH',
      passed: timestamp >= leaf.notBefore && timestamp <= leaf.notAfter,
      got: iso(timestamp),
      want: `from ${iso(leaf.notBefore)} to ${iso(leaf.notAfter)}, as its certificate`,
    },
    {
      name: 'Nitro revocation',
      code: 'E-ATTEST-COLLATERAL',
      passed: true,
      got: NOT_AVAILABLE,
      want: 'nothing: AWS offers no revocation data for Nitro; certificates live three hours',
    },
  ]);
}

/** `checkChain` allows absent key usage and any algorithm; AWS states the one and uses only one of the other. */
function unfitness(certificate: Certificate, index: number): string[] {
  const { keyUsage, publicKey, algorithm } = certificate;
  const wanted = index === 0 ? KEY_USAGE.digitalSignature : KEY_USAGE.keyCertSign;
  return [
    ...(keyUsage?.has(wanted) === true ? [] : [`${nameOf(certificate)} does not state its key usage`]),
    ...(publicKey?.asymmetricKeyDetails?.namedCurve === CURVE ? [] : [`${nameOf(certificate)} has no P-384 key`]),
    ...(schemeName(algorithm) === SCHEME ? [] : [`${nameOf(certificate)} is signed by ${schemeName(algorithm)}`]),
  ];
}

function claimsOf({ moduleId, timestamp, pcrs, leaf, publicKey, userData, nonce }: NitroDocument): NitroClaims {
  const measurements = [...pcrs].sort(([a], [b]) => a - b).map(([index, value]) => [`PCR${index}`, toHex(value)]);
  return {
    format: 'nitro',
    measurements: Object.fromEntries(measurements) as Record<string, string>,
    reportData: userData,
    nonce,
    instance: moduleId,
    debug: [IMAGE, ...PARTS].every((index) => isZero(pcrs.get(index))),
    issuedAt: timestamp,
    details: {
      publicKey: publicKey === null ? null : toHex(publicKey),
      certificate: leaf.subjectCommonName,
      certificateExpires: iso(leaf.notAfter),
    },
  };
}

/** A register that is absent says no more about a program than one that is zero. */
const isZero = (value: Uint8Array | undefined): boolean => value?.every((byte) => byte === 0) ?? true;

function appraise(claims: NitroClaims, policy: NitroPolicy, at: number): readonly Check[] {
  const { measurements, instance, issuedAt } = claims;
  const { pcrs, signers, iamRoles, parentInstances, moduleIds } = policy;
  return [
    ...[...(pcrs ?? [])].flatMap(([index, allowed]) => {
      const code = namesProgram(index, pcrs) ? 'E-ATTEST-MEASUREMENT' : 'E-ATTEST-POLICY';
      return registerCheck(`PCR${index}`, code, measurements[`PCR${index}`], allowed);
    }),
    ...registerCheck('signer (PCR8)', 'E-ATTEST-MEASUREMENT', measurements['PCR8'], signers),
    ...registerCheck('IAM role (PCR3)', 'E-ATTEST-INSTANCE', measurements['PCR3'], iamRoles),
    ...registerCheck('parent instance (PCR4)', 'E-ATTEST-INSTANCE', measurements['PCR4'], parentInstances),
    ...(moduleIds === null
      ? []
      : [
          {
            name: 'module id',
            code: 'E-ATTEST-INSTANCE' as const,
            passed: moduleIds.some((id) => instance === id || instance.startsWith(`${id}-enc`)),
            got: instance,
            want: oneOf(moduleIds),
          },
        ]),
    {
      name: 'age of the document',
      code: 'E-ATTEST-POLICY',
      passed: at - issuedAt <= 1000 * policy.maxAgeSeconds && issuedAt - at <= 1000 * policy.maxSkewSeconds,
      got: `${Math.round((at - issuedAt) / 1000)} s`,
      want: `from -${policy.maxSkewSeconds} to ${policy.maxAgeSeconds} s`,
    },
  ];
}

/** The image, its signer, or kernel and application together; other registers are anybody's to fill. */
const namesProgram = (index: number, pcrs: NitroPolicy['pcrs']): boolean =>
  index === IMAGE || index === SIGNER || (PARTS.includes(index) && PARTS.every((part) => pcrs?.has(part) === true));

/** No check where any value is allowed; a register that the document lacks is never equal to anything. */
function registerCheck(
  name: string,
  code: Check['code'],
  got: string | undefined,
  allowed: readonly string[] | null,
): Check[] {
  if (allowed === null) return [];
  return [
    { name, code, passed: got !== undefined && allowed.includes(got), got: got ?? 'absent', want: oneOf(allowed) },
  ];
}

const oneOf = (allowed: readonly string[]): string =>
  allowed.length === 1 ? (allowed[0] ?? '') : `one of ${allowed.join(', ')}`;

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
