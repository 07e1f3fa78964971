import { plainBuffer, type DeviceIoctl } from '../attesters/device-ioctl.ts';
import { SEV_GUEST, SNP_GET_DERIVED_KEY, snpRequest } from '../attesters/sev-guest.ts';
import type { Pause } from '../attesters/while-busy.ts';
import { noSealingKey, type SealingRoot } from './sealing-keys.ts';

/** MSG_KEY_REQ (AMD 56860, "Guest message: key request"): offsets, and bits of what is mixed in. */
const REQUEST = { bytes: 32, fields: 8, vmpl: 16, guestSvn: 20, tcbVersion: 24 } as const;
const FIELD = { guestPolicy: 1n, imageId: 2n, familyId: 4n, measurement: 8n, guestSvn: 16n, tcbVersion: 32n } as const;
const ALWAYS = FIELD.guestPolicy | FIELD.imageId | FIELD.familyId | FIELD.measurement;
const KEY = { start: 32, end: 64 } as const;

export interface SnpSealingOptions {
  readonly ioctl: DeviceIoctl;
  readonly vmpl?: number;
  /** Mixed in where given; not above the guest's own. */
  readonly guestSvn?: number;
  /**
   * Mixed in where given, and not above the committed one: older firmware then cannot derive the key. It must be
   * remembered as long as what is sealed; absent: every firmware of this chip derives the same key.
   */
  readonly tcbVersion?: bigint;
  readonly pause?: Pause;
}

/**
 * AMD SEV-SNP's derived key, from the chip's VCEK: bound to chip, policy, image, family and measurement of the guest.
 * It is gone with the chip: no migration, no other machine.
 */
export function snpRoot({ ioctl, vmpl = 0, guestSvn, tcbVersion, pause }: SnpSealingOptions): SealingRoot {
  return {
    name: 'sev-snp',
    async read() {
      const bytes = new Uint8Array(REQUEST.bytes);
      const view = new DataView(bytes.buffer);
      const mixed = (guestSvn === undefined ? 0n : FIELD.guestSvn) | (tcbVersion === undefined ? 0n : FIELD.tcbVersion);
      view.setBigUint64(REQUEST.fields, ALWAYS | mixed, true);
      view.setUint32(REQUEST.vmpl, vmpl, true);
      view.setUint32(REQUEST.guestSvn, guestSvn ?? 0, true);
      view.setBigUint64(REQUEST.tcbVersion, tcbVersion ?? 0n, true);
      const response = await snpRequest({
        ioctl,
        request: SNP_GET_DERIVED_KEY,
        message: plainBuffer(bytes),
        pause,
        responseBytes: KEY.end,
      });
      const key = response.slice(KEY.start, KEY.end);
      response.fill(0);
      if (key.every((byte) => byte === 0)) throw noSealingKey(SEV_GUEST, 'a key of zeros', 'look at the firmware');
      return key;
    },
  };
}
