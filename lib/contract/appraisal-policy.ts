import { z } from 'zod';
import { encodeCbor, type CborValue } from '../core/cbor.ts';
import { count, digest, text } from './shapes.ts';

/** What evidence is of; `azure` and `dstack` wrap that of a processor, `nvidia-gpu` is of a device beside one. */
export const PLATFORMS = ['simulated', 'nitro', 'sgx', 'tdx', 'sev-snp', 'nvidia-gpu', 'azure', 'dstack'] as const;

const MAX_POLICY_BYTES = 256 * 1024;

/** A policy document as it stands in its file: maps, lists, texts, numbers, truth values. Its rules are read by lib/attestation. */
export type PolicyDocument = Readonly<Record<string, CborValue>>;

const policyDocument = z.custom<PolicyDocument>(
  isPolicyDocument,
  `must be a mapping of at most ${MAX_POLICY_BYTES} bytes without byte strings`,
);

/** What evidence must say to be accepted (RATS Appraisal Policy for Evidence, RFC 9334 §8.5). */
export const appraisalPolicy = z.strictObject({
  platforms: z.array(z.enum(PLATFORMS)).min(1),
  /** Reference values of simulated evidence: accepted program measurements; empty where `evidence` gives them. */
  measurements: z.array(digest).max(64),
  /** Allowed simulated machines (chip ids); null: any. */
  instances: z.array(text).min(1).max(1024).nullable(),
  /** Smallest accepted security version of a simulated machine. */
  minSvn: count,
  /** What evidence of real hardware must say, in the policy language of docs/attestation.md; null: simulated evidence only. */
  evidence: policyDocument.nullable(),
});
export type AppraisalPolicy = z.output<typeof appraisalPolicy>;

/** What is wrong with the combination of its fields; null: nothing. */
export function appraisalPolicyFault({
  platforms,
  measurements,
  instances,
  minSvn,
  evidence,
}: AppraisalPolicy): string | null {
  const simulated = platforms.includes('simulated');
  if (simulated && platforms.length > 1) return 'simulated and real platforms do not stand in one policy';
  if (simulated && evidence !== null) return 'evidence: only for real platforms';
  if (simulated) return measurements.length > 0 ? null : 'measurements: nothing is allowed';
  if (platforms.includes('azure')) return 'platforms: evidence of Azure can be verified, but not bound to a session';
  if (platforms.includes('nvidia-gpu')) return 'platforms: a GPU attests beside a processor, never alone';
  if (evidence === null) return 'evidence: a real platform needs a policy document';
  const unused = measurements.length === 0 && instances === null && minSvn === 0;
  return unused ? null : 'measurements, instances, minSvn: real platforms have these in their policy document';
}

function isPolicyDocument(value: unknown): value is PolicyDocument {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) return false;
  return !holdsBytes(value) && encodeCbor(value as PolicyDocument).length <= MAX_POLICY_BYTES;
}

function holdsBytes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return value instanceof Uint8Array || Object.values(value).some(holdsBytes);
}
