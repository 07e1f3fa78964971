import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { POLICY_FORMAT, readPolicy, type Policy } from '../lib/attestation/policy/policy.ts';
import { verifyEvidence, type EvidenceVerdict } from '../lib/attestation/verify-evidence.ts';
import { fakeSamples, realSamples, type PlatformSample } from '../test/vectors/attestation/platform-samples.ts';

const ROUNDS = 41;
/** Milliseconds of each of the two in one round, about. */
const SLICE_MS = 25;

/**
 * A whole verdict beside the bare cost of the signatures that it rests on: every distinct `crypto.verify` of the first
 * verdict that held, repeated with the same key objects. Both in turns within one process, medians of the rounds. Each
 * sample has a process of its own, so that none finds the certificates of another already read.
 */
export function benchAttest(): Promise<void> {
  const real = realSamples();
  const samples = real.length > 0 ? real : fakeSamples();
  const wanted = process.argv[3];
  if (wanted !== undefined) {
    const sample = samples.find(({ name }) => name === wanted);
    if (sample === undefined) throw new Error(`no ${wanted} among ${samples.map(({ name }) => name).join('; ')}`);
    process.stdout.write(`${lineOf(sample)}\n`);
  } else {
    process.stdout.write(real.length > 0 ? 'evidence of real machines\n' : 'evidence of fake authorities\n');
    process.stdout.write('platform            verdicts/s  verdict, ms  signatures, ms  needed  verified  ratio\n');
    const [main = ''] = process.argv.slice(1);
    for (const { name } of samples) execFileSync(process.execPath, [main, 'attest', name], { stdio: 'inherit' });
  }
  return Promise.resolve();
}

function lineOf(sample: PlatformSample): string {
  const policy = openPolicy();
  const judge = (): EvidenceVerdict => verifyEvidence({ ...sample, policy });
  const { signatures } = signaturesOf(judge);
  const { calls } = signaturesOf(judge);
  const bare = (): void => {
    for (const parts of signatures) crypto.verify(...parts);
  };
  const times = medians(judge, bare);
  return [
    sample.name.padEnd(19),
    (1000 / times.whole).toFixed(0).padStart(10),
    times.whole.toFixed(2).padStart(12),
    times.bare.toFixed(2).padStart(15),
    String(signatures.length).padStart(7),
    String(calls).padStart(9),
    (times.whole / times.bare).toFixed(2).padStart(6),
  ].join(' ');
}

type VerifyParts = Parameters<typeof crypto.verify>;

/** What one verdict verifies: the distinct signatures that hold, and how often `verify` was called in all. */
function signaturesOf(judge: () => EvidenceVerdict): { signatures: VerifyParts[]; calls: number } {
  const verify = crypto.verify.bind(crypto) as (...parts: VerifyParts) => boolean;
  const held = new Map<string, VerifyParts>();
  let calls = 0;
  crypto.verify = ((...parts: VerifyParts) => {
    const [, data, , signature] = parts;
    calls += 1;
    const holds = verify(...parts);
    const id = [data, signature].map((bytes) => Buffer.from(bytes as Uint8Array).toString('base64')).join();
    if (holds) held.set(id, parts);
    return holds;
  }) as typeof crypto.verify;
  syncBuiltinESMExports();
  const { outcome, checks } = judge();
  crypto.verify = verify as typeof crypto.verify;
  syncBuiltinESMExports();
  const failed = checks.filter(({ passed, code }) => !passed && code !== 'E-ATTEST-POLICY' && code !== 'E-ATTEST-TCB');
  if (failed.length > 0) throw new Error(`${outcome}: ${failed.map(({ name, got }) => `${name}: ${got}`).join(', ')}`);
  return { signatures: [...held.values()], calls };
}

/** Milliseconds of one of each. */
function medians(whole: () => unknown, bare: () => unknown): { whole: number; bare: number } {
  const times = (work: () => unknown): number => {
    const start = performance.now();
    let done = 0;
    do {
      work();
      done += 1;
    } while (performance.now() - start < SLICE_MS);
    return (performance.now() - start) / done;
  };
  for (let warm = 0; warm < 40; warm++) [whole, bare].forEach(times);
  const rounds = Array.from({ length: ROUNDS }, () => ({ whole: times(whole), bare: times(bare) }));
  return { whole: median(rounds.map((one) => one.whole)), bare: median(rounds.map((one) => one.bare)) };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

/** Asks for no program and accepts revocation data that nobody gave; the vendors' rules hold all the same. */
function openPolicy(): Policy {
  const policy = readPolicy({
    format: POLICY_FORMAT,
    platforms: ['sgx', 'tdx', 'sev-snp', 'nitro', 'nvidia-gpu', 'azure'],
    revocation: 'accept-absent',
    anyProgram: true,
  });
  if (!policy.ok) throw new Error(policy.error.map(({ detail }) => detail).join('; '));
  return policy.value;
}
