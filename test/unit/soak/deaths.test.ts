import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProgressEvent } from '../../../cli/output/progress-event.ts';
import { complaints, uninvitedDeaths } from '../../soak/deaths.ts';

const struck = (asked: string): ProgressEvent => ({ type: 'fault', asked, state: 'struck', round: 1, detail: '' });
const died = (name: string, detail: string): ProgressEvent => ({ type: 'process', name, state: 'died', detail });

describe('programs that died', () => {
  it('because somebody killed them are no surprise, once for each kill', () => {
    expect(uninvitedDeaths([struck('kill enclave@3/upload'), died('enclave', 'SIGKILL')])).toEqual([]);
    expect(
      uninvitedDeaths([struck('kill enclave@3/upload'), died('enclave', 'SIGKILL'), died('enclave', 'SIGKILL')]),
    ).toEqual(['enclave died (SIGKILL)']);
  });

  it('of something else, or without being asked to, are', () => {
    expect(uninvitedDeaths([struck('kill enclave@3/upload'), died('enclave', 'SIGSEGV')])).toEqual([
      'enclave died (SIGSEGV)',
    ]);
    expect(uninvitedDeaths([struck('drop adler@3/upload'), died('adler', 'exit 70')])).toEqual([
      'adler died (exit 70)',
    ]);
    expect(uninvitedDeaths([{ type: 'process', name: 'adler', state: 'stopped', detail: 'exit 74' }])).toHaveLength(1);
  });

  it('before the fault struck are', () => {
    expect(uninvitedDeaths([died('enclave', 'SIGKILL'), struck('kill enclave@3/upload')])).toHaveLength(1);
  });
});

describe('what logs complain of', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'consilium-complaints-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('are errors and deaths below a chip, not warnings', () => {
    writeFileSync(
      join(folder, 'adler.log'),
      '{"level":"warn","event":"session.ended"}\n{"level":"error","event":"agent.fault"}\n',
    );
    writeFileSync(
      join(folder, 'adler.out'),
      '{"source":"simulated-chip","event":"started"}\n{"event":"died","signal":"SIGABRT"}\n',
    );
    expect(complaints(folder).sort()).toEqual([
      'adler.log: {"level":"error","event":"agent.fault"}',
      'adler.out: {"event":"died","signal":"SIGABRT"}',
    ]);
  });
});
