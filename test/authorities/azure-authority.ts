import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { utf8 } from '../../lib/core/bytes.ts';
import { snpReport } from './amd-authority.ts';
import type { SigningParty } from './x509-authority.ts';

export const newTpmKey = (modulusLength = 2048): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync('rsa', { modulusLength });
const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

/** What a piece of evidence may be made to hold instead of what belongs there. */
export interface AzureParts {
  readonly keys?: readonly object[];
  readonly signer?: KeyObject;
  readonly reportDataTail?: number;
  readonly vmpl?: number;
  readonly magic?: number;
  readonly type?: number;
  readonly bank?: number;
  readonly selection?: readonly number[];
  readonly registers?: readonly Buffer[];
  readonly nonce?: Buffer;
  readonly dataVersion?: number;
}

/** The attestation key as the paravisor's variable data name it. */
export const akOf = (key: KeyObject): object => ({ ...key.export({ format: 'jwk' }), kid: 'HCLAkPub' });

/** A machine of a fake Azure on a fake AMD, whose VCEK is `leaf`: every signature is real. */
export function azureEvidence(
  leaf: SigningParty,
  tpmKey: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
  parts: AzureParts = {},
): Uint8Array {
  const {
    magic = 0xff544347,
    type = 0x8018,
    bank = 0x0b,
    selection = [0x91, 0, 0x80],
    nonce = Buffer.from('nonce'),
  } = parts;
  const registers = parts.registers ?? [0, 4, 7, 23].map((index) => Buffer.alloc(32, index));
  const variable = Buffer.from(
    JSON.stringify({ keys: parts.keys ?? [akOf(tpmKey.publicKey)], 'vm-configuration': { 'secure-boot': true } }),
  );
  const reportData = Buffer.concat([sha256(variable), Buffer.alloc(32, parts.reportDataTail ?? 0)]);
  const report = snpReport(leaf, { reportData, vmpl: parts.vmpl ?? 0 });
  const header = Buffer.alloc(32);
  header.write('HCLA');
  [1, 32 + 1184 + 20 + variable.length, 2].forEach((value, index) => header.writeUInt32LE(value, 4 + 4 * index));
  const data = Buffer.alloc(20);
  [20 + variable.length, parts.dataVersion ?? 1, 2, 1, variable.length].forEach((value, index) =>
    data.writeUInt32LE(value, 4 * index),
  );
  const u16 = (value: number): Buffer => Buffer.of(value >> 8, value & 0xff);
  const start = Buffer.alloc(4);
  start.writeUInt32BE(magic);
  const message = Buffer.concat([
    ...[start, u16(type), u16(0), u16(nonce.length), nonce, Buffer.alloc(25)],
    ...[Buffer.of(0, 0, 0, 1), u16(bank), Buffer.of(selection.length, ...selection), u16(32), sha256(...registers)],
  ]);
  return utf8(
    JSON.stringify({
      hcl_report: Buffer.concat([header, report, data, variable]).toString('base64url'),
      tpm_quote: {
        message: message.toString('hex'),
        signature: sign('sha256', message, parts.signer ?? tpmKey.privateKey).toString('hex'),
        pcrs: registers.map((value) => value.toString('hex')),
      },
    }),
  );
}
