import { dirname, join } from 'node:path';
import { z } from 'zod';
import {
  attestationFields,
  idField,
  logFields,
  peerFields,
  simulationFields,
  tlsFields,
} from '../lib/config/program-fields.ts';
import type { ConfigFields } from '../lib/config/config-fields.ts';

/** `site.yaml`: one hospital's agent. */
export const siteConfig = (fields: ConfigFields) =>
  z.strictObject({
    organisation: idField,
    /** The organisation's signing key, as `consilium org init` wrote it. */
    organisationKey: fields.secretFile,
    /** Confirmed organisations and own conditions, as `consilium org confirm` keeps it. */
    overlay: fields.path,
    /** The contract that this hospital read and approved. */
    contract: fields.path,
    /** The approval, as `consilium contract approve` wrote it. */
    approval: fields.path,
    /** Where `consilium contract withdraw` leaves the signed withdrawal; the agent watches for it. */
    withdrawal: fields.path.optional(),
    /** The one outbound address. */
    coordinator: peerFields,
    /** Dial the enclave itself instead of through the coordinator. */
    enclave: peerFields.optional(),
    tls: tlsFields(fields),
    /** The hospital's data file. */
    data: fields.path,
    /** SQLite file: head, ledger, pending update. */
    store: fields.path,
    /** SQLite file of the privacy ledger, one for all agents of this hospital; absent: in `store`. */
    ledger: fields.path.optional(),
    /** Model file of the model that a successor contract goes on from; only where this store does not hold it. */
    startingModel: fields.path.optional(),
    /** Folder for received models and their passports. */
    output: fields.path,
    /** Models in that folder, the newest; every passport stays. */
    keepModels: z.number().int().min(1).default(10),
    backend: z.enum(['tensorflow', 'wasm', 'cpu']).optional(),
    log: logFields(fields),
    attestation: attestationFields(fields).optional(),
    simulation: simulationFields(fields).optional(),
  });
export type SiteConfig = z.output<ReturnType<typeof siteConfig>>;

/** Beside the approval, unless the configuration says otherwise. */
export const withdrawalPath = ({ withdrawal, approval }: Pick<SiteConfig, 'withdrawal' | 'approval'>): string =>
  withdrawal ?? join(dirname(approval), 'withdrawal.cbor');
