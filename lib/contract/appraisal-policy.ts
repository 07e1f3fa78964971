import { z } from 'zod';
import { count, digest, text } from './shapes.ts';

/** What evidence must say to be accepted (RATS Appraisal Policy for Evidence, RFC 9334 §8.5). */
export const appraisalPolicy = z.strictObject({
  platforms: z.array(z.enum(['simulated', 'nitro', 'sgx', 'tdx', 'sev-snp', 'nvidia-gpu', 'azure', 'dstack'])).min(1),
  /** Reference values: accepted program measurements. */
  measurements: z.array(digest).min(1).max(64),
  /** Allowed platform instances (chip ids); null: any genuine machine. */
  instances: z.array(text).min(1).max(1024).nullable(),
  /** Smallest accepted security version of the platform. */
  minSvn: count,
});
export type AppraisalPolicy = z.output<typeof appraisalPolicy>;
