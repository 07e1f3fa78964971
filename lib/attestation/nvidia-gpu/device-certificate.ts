import { bytesEqual, toHex } from '../../core/bytes.ts';
import { Der, TAG, contextTag } from '../formats/der.ts';
import { total } from '../formats/malformed.ts';
import type { Certificate } from '../x509/certificate.ts';
import { rawSignatureHolds, signatureHolds } from '../x509/signature-algorithm.ts';
import type { SpdmReport } from './spdm-report.ts';

/** TCG DICE CompositeDeviceID (Hopper) and TcbInfo (Blackwell). */
const COMPOSITE_DEVICE_ID = '2.23.133.5.4.1';
const TCB_INFO = '2.23.133.5.4.1.1';
export const FWID_EXTENSIONS: readonly string[] = [COMPOSITE_DEVICE_ID, TCB_INFO];
const SHA384 = '2.16.840.1.101.3.4.2.2';
const TCB_INFO_FWIDS = contextTag(6, true);
const CHIP = /^([A-Z]{2})_?(\d{2,3}[A-Z]?) /;
const MAX_CHAIN = 8;

const ARCHITECTURES: Readonly<Record<string, string>> = { GH: 'HOPPER', GB: 'BLACKWELL', LS: 'LS10' };

/** What the authentic certificates of a device say. */
export interface CertifiedDevice {
  /** GH100, GB100, LS10, …; null: the leaf does not name one. */
  readonly chip: string | null;
  readonly architecture: string | null;
  /**
   * Serial number in the name of the certificate that NVIDIA issued to the device (second of the chain): the same
   * whatever firmware runs, unlike the leaf's, which the device issues to its firmware.
   */
  readonly serial: string | null;
  /** Serial number of the leaf, hexadecimal: NVIDIA's `ueid`. */
  readonly ueid: string | null;
  /** Hash of the firmware that holds the leaf's key, hexadecimal; null: the leaf has none. */
  readonly fwid: string | null;
}

export function certifiedDevice([leaf, identity]: readonly Certificate[]): CertifiedDevice {
  const [, family = null, number = ''] = CHIP.exec(leaf?.subjectCommonName ?? '') ?? [];
  return {
    chip: family === null ? null : `${family}${number}`,
    architecture: family === null ? null : (ARCHITECTURES[family] ?? null),
    serial: identity?.subjectSerialNumber ?? null,
    ueid: leaf?.serial ?? null,
    fwid: leaf === undefined ? null : fwidOf(leaf),
  };
}

/** Hexadecimal; null: no such extension, or one of another form. */
function fwidOf({ extensions }: Certificate): string | null {
  const composite = extensions.get(COMPOSITE_DEVICE_ID)?.value;
  const info = extensions.get(TCB_INFO)?.value;
  const read = total('FWID', () => {
    if (composite !== undefined) return sha384In(Der.read(composite).expect(TAG.sequence, 'device id').children()[2]);
    if (info === undefined) return null;
    const fwids = Der.read(info)
      .expect(TAG.sequence, 'TCB info')
      .children()
      .find(({ tag }) => tag === TCB_INFO_FWIDS);
    return sha384In(fwids?.children()[0]);
  });
  return read.ok ? read.value : null;
}

function sha384In(fwid: Der | undefined): string | null {
  const [algorithm, digest] = fwid?.expect(TAG.sequence, 'FWID').children() ?? [];
  if (algorithm === undefined || digest === undefined || algorithm.oid('hash') !== SHA384) return null;
  return toHex(digest.octets('digest'));
}

/**
 * The device's chain, leaf first: as given with the report, else from the leaf in `pool` that signed it; what is
 * lacking above comes from `pool`. Proves nothing: `checkChain` does.
 */
export function deviceChain(
  report: SpdmReport,
  given: readonly Certificate[],
  pool: readonly Certificate[],
): readonly Certificate[] {
  const chain = given.length > 0 ? [...given] : pool.filter((certificate) => signedBy(report, certificate)).slice(0, 1);
  for (let last = chain.at(-1); last !== undefined && chain.length < MAX_CHAIN; last = chain.at(-1)) {
    if (bytesEqual(last.issuer, last.subject)) return chain;
    const below = last;
    const issuer = pool.find(({ subject, publicKey }) => {
      return (
        bytesEqual(subject, below.issuer) && signatureHolds(below.algorithm, below.signed, below.signature, publicKey)
      );
    });
    if (issuer === undefined) return chain;
    chain.push(issuer);
  }
  return chain;
}

/** ECDSA P-384 with SHA-384 over everything before the signature. */
export const signedBy = ({ signed, signature }: SpdmReport, certificate: Certificate | undefined): boolean =>
  rawSignatureHolds('sha384', signed, signature, certificate?.publicKey ?? null);
