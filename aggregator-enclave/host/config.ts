import { z } from 'zod';
import {
  addressFields,
  attestationFields,
  idField,
  logFields,
  simulationFields,
  tlsFields,
} from '../../lib/config/program-fields.ts';
import type { ConfigFields } from '../../lib/config/config-fields.ts';
import { organisationId } from '../../lib/core/ids.ts';

/** `enclave.yaml`: where the aggregator enclave listens and keeps its sealed state. */
export const enclaveConfig = (fields: ConfigFields) =>
  z.strictObject({
    id: idField,
    listen: addressFields,
    tls: tlsFields(fields),
    /** The coordinator whose certificate may load, advance and relay. */
    coordinator: idField.default(organisationId('coordinator')),
    /** SQLite file of sealed records. */
    store: fields.path,
    log: logFields(fields),
    attestation: attestationFields(fields).optional(),
    simulation: simulationFields(fields).optional(),
  });
export type EnclaveConfig = z.output<ReturnType<typeof enclaveConfig>>;
