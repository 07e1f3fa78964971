import { z } from 'zod';
import { addressFields, idField, logFields, peerFields, tlsFields } from '../lib/config/program-fields.ts';
import type { ConfigFields } from '../lib/config/config-fields.ts';

/** `coordinator.yaml`: the untrusted organiser of one study. */
export const coordinatorConfig = (fields: ConfigFields) =>
  z.strictObject({
    id: idField,
    listen: addressFields,
    tls: tlsFields(fields),
    /** SQLite file of the coordinator's own log. */
    store: fields.path,
    /** The drafted contract, as `consilium contract draft` wrote it. */
    contract: fields.path,
    /** Passport bundle of the release that a successor contract goes on from, as a hospital received it. */
    predecessor: fields.path.optional(),
    enclave: peerFields,
    /** How long a launch waits for approved hospitals that are not connected yet. */
    gatherMs: z.number().int().min(0).max(86_400_000).default(60_000),
    /** How long a hospital whose session broke is still waited for inside a round. */
    absenceMs: z.number().int().min(0).max(3_600_000).default(30_000),
    /** Attempts at one round before the study is given up. */
    maxAttempts: z.number().int().min(1).max(1000).default(10),
    /** Launch this many rounds as soon as enough hospitals have approved; absent: wait for a researcher. */
    autoLaunchRounds: z.number().int().positive().optional(),
    /** In simulation: the time by which approvals are judged; absent: the system clock. */
    fixedTime: z.iso.datetime().optional(),
    log: logFields(fields),
  });
export type CoordinatorConfig = z.output<ReturnType<typeof coordinatorConfig>>;
