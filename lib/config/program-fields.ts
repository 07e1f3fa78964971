import { z } from 'zod';
import { fromHex } from '../core/bytes.ts';
import {
  instant as toInstant,
  isOrganisationId,
  type Instant,
  type OrganisationId,
  type PublicKey,
} from '../core/ids.ts';
import type { ConfigFields } from './config-fields.ts';

/** A short name: lower-case letters, digits and hyphens. */
export const idField = z.custom<OrganisationId>(
  (value) => typeof value === 'string' && isOrganisationId(value),
  'must be 1-63 lower-case letters, digits or hyphens',
);

export const addressFields = z.strictObject({
  host: z.string().min(1).max(255),
  /** 0: any free port. */
  port: z.number().int().min(0).max(65_535),
});

/** Where a program is reached, and the name its certificate holds. */
export const peerFields = z.strictObject({
  ...addressFields.shape,
  serverName: z.string().min(1).max(255).default('localhost'),
  id: idField,
});

/** Paths of PEM files. */
export const tlsFields = (fields: ConfigFields) =>
  z.strictObject({ certificate: fields.path, privateKey: fields.secretFile, authority: fields.path });
export type TlsPaths = z.output<ReturnType<typeof tlsFields>>;

export const logFields = (fields: ConfigFields) =>
  z
    .strictObject({ file: fields.path.optional(), level: z.enum(['debug', 'info', 'warn', 'error']).default('info') })
    .default({ level: 'info' });

/** Platforms that a program can ask for evidence of its own; `auto`: the one that is found. */
export const OWN_PLATFORMS = ['auto', 'tdx', 'sev-snp', 'sgx', 'nitro', 'dstack'] as const;

/** How a production program attests and verifies; a simulated one refuses it. */
export const attestationFields = (fields: ConfigFields) =>
  z.strictObject({
    platform: z.enum(OWN_PLATFORMS).default('auto'),
    /** Folder that `consilium collateral import` keeps: what the evidence of others is verified with. */
    collateral: fields.path,
    /** SEV-SNP: the VMPL to attest and seal at; absent: as the kernel decides. */
    vmpl: z.number().int().min(0).max(3).optional(),
    /** GPUs attest beside the processor, through this program and its arguments; `nvattest` stands for NVIDIA's own call. */
    gpuCommand: z.union([z.literal('nvattest'), z.array(z.string().min(1).max(1024)).min(1).max(32)]).optional(),
  });
export type AttestationSettings = z.output<ReturnType<typeof attestationFields>>;

const publicRoot = z.string().transform((text, context): PublicKey => {
  const key = fromHex(text);
  if (key?.length !== 32) context.addIssue({ code: 'custom', message: 'must be 64 hexadecimal digits' });
  return (key ?? new Uint8Array()) as PublicKey;
});

/** Settings of the simulated platform; a production program refuses them. */
export const simulationFields = (fields: ConfigFields) =>
  z.strictObject({
    /** The chip's secret; read by the chip process only. */
    rootSeedFile: fields.secretFile,
    /** Which simulated machine this is. */
    instance: z.string().min(1).max(64),
    /** Public roots of the chips whose evidence is accepted. */
    roots: z.array(publicRoot).min(1).max(16),
    /** 32 secret bytes that replace this program's randomness for training, salts and noise; absent: the CSPRNG. */
    seedFile: fields.secretFile.optional(),
    /** Every statement bears this time; absent: the system clock. */
    fixedTime: z.iso
      .datetime()
      .transform((text): Instant => toInstant(Date.parse(text)))
      .optional(),
    /** What the chip is told to lie about, for tests of refusals: `debug=true`, `measurement=<hex>`, `instance=<id>`. */
    lies: z.array(z.string().max(200)).max(8).default([]),
  });
export type SimulationSettings = z.output<ReturnType<typeof simulationFields>>;
