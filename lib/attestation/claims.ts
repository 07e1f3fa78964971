import type { Digest, Instant } from '../core/ids.ts';
import type { Platform } from './evidence.ts';

/** Who attests: the aggregator enclave or a site agent. */
export type Role = 'enclave' | 'site';

/** What authenticated evidence says (RFC 9334 §8.2), the same for every platform. */
export interface Claims {
  readonly platform: Platform;
  /** True when no hardware stands behind the claims: they protect nothing. */
  readonly simulated: boolean;
  /** The program that was loaded; 32 bytes. */
  readonly measurement: Digest;
  /** Which machine: the platform's own chip id in its text form. */
  readonly instance: string;
  /** True when the operator can read the program's memory. */
  readonly debug: boolean;
  /** Security version of the platform; larger is newer. */
  readonly svn: number;
  /** Null: this platform's evidence carries no role; the binder does (PROTOCOL §4.3). */
  readonly role: Role | null;
  /** 64 bytes: the value the evidence was made for. */
  readonly reportData: Uint8Array;
  /** Null: the platform signs no time. */
  readonly issuedAt: Instant | null;
}
