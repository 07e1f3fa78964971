import { z } from 'zod';
import { addressFields, idField, logFields, simulationFields, tlsFields } from '../../lib/config/program-fields.ts';
import type { ConfigFields } from '../../lib/config/config-fields.ts';

/** `enclave.yaml`: where the aggregator enclave listens and keeps its sealed state. */
export const enclaveConfig = (fields: ConfigFields) =>
  z.strictObject({
    id: idField,
    listen: addressFields,
    tls: tlsFields(fields),
    /** SQLite file of sealed records. */
    store: fields.path,
    log: logFields(fields),
    simulation: simulationFields(fields).optional(),
  });
export type EnclaveConfig = z.output<ReturnType<typeof enclaveConfig>>;
