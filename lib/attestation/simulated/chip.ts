import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../../core/bytes.ts';
import { signerFromSeed } from '../../core/ed25519.ts';
import { prefixFields } from '../../core/hash.ts';
import { instant, type Digest, type Instant, type PublicKey } from '../../core/ids.ts';
import type { Attester } from '../attester.ts';
import type { Role } from '../claims.ts';
import { encodeEvidence } from '../evidence.ts';
import { ReportData, reportDataBytes, type ReportDataSource } from '../report-data.ts';
import { encodeChipCertificate, encodeQuote, encodeSimulatedEvidence } from './simulated-evidence.ts';

const KEY_BYTES = 32;
const DEFAULT_SVN = 1;
const CERTIFICATE_FROM = instant(Date.UTC(2020, 0, 1));
const CERTIFICATE_UNTIL = instant(Date.UTC(2100, 0, 1));

/** What a chip may be told to say instead of the truth, so that refusals can be tested. */
export interface ChipLies {
  readonly measurement?: Digest;
  readonly debug?: boolean;
  /** Another machine's id; the certificate names it too, because the simulated chip holds its own root. */
  readonly instance?: string;
  readonly svn?: number;
  readonly role?: Role;
  readonly certificateUntil?: Instant;
}

export interface ChipOptions {
  /** 32 secret bytes: root and sealing keys come from them, so that a chip survives the restart of its process. */
  readonly rootSeed: Uint8Array;
  readonly instance: string;
  readonly now: () => Instant;
  readonly svn?: number;
  readonly lies?: ChipLies;
}

/** A program as the chip loaded it: measured by the chip, not by itself. */
export interface LoadedProgram {
  readonly measurement: Digest;
  readonly role: Role;
}

/** The public root that verifiers must be given for the chips of `rootSeed`. */
export const simulatedRoot = (rootSeed: Uint8Array): PublicKey =>
  signerFromSeed(derive(rootSeed, 'simulated-root')).publicKey;

/**
 * A stand-in for the trusted part of a processor. It has no monotonic counter, like most hardware (PROTOCOL §5), and
 * quotes only what binders or a publication hash to (PROTOCOL §4.5).
 */
export class SimulatedChip {
  readonly #options: ChipOptions;

  constructor(options: ChipOptions) {
    if (options.rootSeed.length !== KEY_BYTES) throw new RangeError('a root seed has 32 bytes');
    this.#options = options;
  }

  get root(): PublicKey {
    return simulatedRoot(this.#options.rootSeed);
  }

  /** An Evidence envelope about `program`, made for what `source` hashes to. */
  quote(program: LoadedProgram, source: ReportDataSource): Uint8Array {
    return this.#evidence(program, reportDataBytes(source));
  }

  /** 32 bytes that only this program on this chip gets: other code or another machine gets another key. */
  sealingKey({ measurement }: LoadedProgram): Uint8Array {
    const { rootSeed, instance } = this.#options;
    return derive(rootSeed, 'simulated-seal', utf8(instance), measurement);
  }

  /** The attester of a program in the chip's own process. */
  attesterFor(program: LoadedProgram): Attester {
    return { attest: async (reportData) => this.#evidence(program, ReportData.bytesOf(reportData)) };
  }

  #evidence(program: LoadedProgram, reportData: Uint8Array): Uint8Array {
    const { rootSeed, now, svn = DEFAULT_SVN, lies = {} } = this.#options;
    const instance = lies.instance ?? this.#options.instance;
    const chip = signerFromSeed(derive(rootSeed, 'simulated-chip', utf8(instance)));
    const certificate = encodeChipCertificate({
      instance,
      chipKey: chip.publicKey,
      notBefore: CERTIFICATE_FROM,
      notAfter: lies.certificateUntil ?? CERTIFICATE_UNTIL,
    });
    const quote = encodeQuote({
      measurement: lies.measurement ?? program.measurement,
      debug: lies.debug ?? false,
      svn: lies.svn ?? svn,
      role: lies.role ?? program.role,
      reportData,
      issuedAt: now(),
    });
    const root = signerFromSeed(derive(rootSeed, 'simulated-root'));
    const bytes = encodeSimulatedEvidence({
      certificate,
      certificateSignature: root.sign('chip-certificate', certificate),
      quote,
      quoteSignature: chip.sign('quote', quote),
    });
    return encodeEvidence({ platform: 'simulated', bytes });
  }
}

function derive(rootSeed: Uint8Array, purpose: string, ...fields: readonly Uint8Array[]): Uint8Array {
  return hkdf(sha256, rootSeed, undefined, prefixFields(utf8(`consilium/${purpose}/v1`), ...fields), KEY_BYTES);
}
