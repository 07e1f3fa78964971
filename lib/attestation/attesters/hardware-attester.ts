import type { Attester } from '../attester.ts';
import { encodeEvidence, MAX_PLATFORM_EVIDENCE_BYTES, type Platform } from '../evidence.ts';
import { ReportData } from '../report-data.ts';
import { unavailable } from './unavailable.ts';

/** How one platform's own evidence is obtained. */
export interface EvidenceCollector {
  readonly platform: Exclude<Platform, 'simulated' | 'nvidia-gpu'>;
  /**
   * The platform's bytes, made for `reportData`: never for bytes that a caller chose, so collectors take the minted
   * value and nothing else (PROTOCOL §4.5). Rejects with RefusalError E-ATTEST-UNAVAILABLE.
   */
  collect(reportData: ReportData): Promise<Uint8Array>;
}

/** An attester on real hardware. One question at a time: some interfaces have a single slot per process. */
export function hardwareAttester(collector: EvidenceCollector): Attester {
  const { platform } = collector;
  let last: Promise<unknown> = Promise.resolve();
  return {
    attest(reportData) {
      const answer = last.then(async () => {
        ReportData.bytesOf(reportData);
        const bytes = await collector.collect(reportData);
        if (bytes.length > MAX_PLATFORM_EVIDENCE_BYTES) {
          const got = `${bytes.length} bytes of evidence, ${MAX_PLATFORM_EVIDENCE_BYTES} fit an envelope`;
          throw unavailable(platform, got, 'attest fewer devices, or with a shorter event log');
        }
        return encodeEvidence({ platform, bytes });
      });
      last = answer.catch(() => undefined);
      return answer;
    },
  };
}

/**
 * Refuses what the platform answered when it does not hold the bytes that were asked for: somebody else asked at the
 * same time, or the answer is an old one. The peer would refuse it too, with a message about an attack.
 */
export function mustCarry(answer: Uint8Array, asked: Uint8Array, tried: string): void {
  if (Buffer.from(answer).includes(Buffer.from(asked))) return;
  throw unavailable(tried, 'evidence for another question', 'let no other program ask at the same time');
}
