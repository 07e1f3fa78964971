import type { ClaimValue, EvidenceClaims } from '../evidence-claims.ts';
import type { GpuMode } from './device-identity.ts';

/** What authentic evidence says about one GPU or switch. */
export interface NvidiaDeviceClaims {
  readonly [name: string]: ClaimValue;
  /** `GPU 0`, `switch 1`. */
  readonly label: string;
  readonly kind: 'gpu' | 'switch';
  /** HOPPER, BLACKWELL or LS10; null: certificates are missing. */
  readonly architecture: string | null;
  /** GH100, GB100, LS10, … */
  readonly chip: string | null;
  /** As NVIDIA certified it to the device. */
  readonly serial: string | null;
  /** NVIDIA's `ueid`: serial number of the leaf, hexadecimal. */
  readonly ueid: string | null;
  /** The verifier's nonce in this device's request, hexadecimal. */
  readonly nonce: string;
  readonly mode: GpuMode;
  /** Null on a switch. */
  readonly driverVersion: string | null;
  readonly firmwareVersion: string;
  /** Project, project SKU, chip SKU. */
  readonly project: string;
  /** Hexadecimal; null: the report does not say. */
  readonly firmwareId: string | null;
  /** Ids of the RIMs that every measurement was compared with. */
  readonly rims: readonly string[];
  readonly linked: readonly string[];
}

/**
 * Claims of the evidence of one GPU or of a whole node. `nonce` is null where the requests carried different ones
 * (see `devices`). `debug` is false: a device in debug mode has other measurements than any RIM.
 */
export interface NvidiaGpuClaims extends EvidenceClaims {
  readonly format: 'nvidia-gpu';
  readonly devices: readonly NvidiaDeviceClaims[];
  /** Certificates on hold that were accepted; empty unless `acceptHold` was asked for. */
  readonly held: readonly string[];
}
