import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { studyCommand } from '../../../../cli/commands/study.ts';
import { refusal } from '../../../../lib/core/errors.ts';
import { instant, organisationId } from '../../../../lib/core/ids.ts';
import { err, ok } from '../../../../lib/core/result.ts';
import type { StudyEvent, StudyStatus } from '../../../../lib/wire/study-codec.ts';
import { ALPHA, certificateOf, COORDINATOR, serve, type WatchedServer } from '../../wire/consortium.ts';
import { studyDesk } from '../../wire/study-desk.ts';
import { runCommand, testFolder, type Ran } from './run-command.ts';

/** The researcher's commands against a coordinator's service over real, mutually authenticated TLS. */

const path = testFolder();
const CONFIG = path('researcher.yaml');
let server: WatchedServer;
let clock = 0;
let story: StudyEvent[] = [];
let status: StudyStatus;
const asked: unknown[] = [];

beforeEach(async () => {
  clock = 1_000_000;
  story = [];
  asked.length = 0;
  status = {
    phase: 'running',
    round: 2,
    rounds: 5,
    code: null,
    sites: [{ organisation: ALPHA, approved: true, connected: false, lastSeen: instant(86_400_000), step: 'commit' }],
  };
  const desk = studyDesk({
    getStatus: async () => ok({ ...status, sites: [...status.sites] }),
    launch: async (request) => {
      asked.push(request);
      return ok({});
    },
    stop: async (request) => {
      asked.push(request);
      return ok({});
    },
    watch: async (_request, { signal }) => ok(telling(signal)),
  });
  server = await serve(COORDINATOR, [desk]);
  await configure();
});

afterEach(async () => {
  await server.stop(100);
});

async function configure(role: 'researcher' | 'enclave' = 'researcher', change: object = {}): Promise<void> {
  const { certificate, privateKey, authority } = certificateOf(role, organisationId('researcher'));
  await writeFile(path('tls.crt'), certificate);
  await writeFile(path('tls.key'), privateKey, { mode: 0o600 });
  await writeFile(path('ca.crt'), authority);
  const coordinator = { host: '127.0.0.1', port: server.port, serverName: 'localhost', id: COORDINATOR.id };
  const tls = { certificate: 'tls.crt', privateKey: 'tls.key', authority: 'ca.crt' };
  await writeFile(CONFIG, stringify({ coordinator, tls, ...change }));
}

const study = (name: string, ...more: string[]): Promise<Ran> =>
  runCommand(studyCommand, 'study', name, '--config', CONFIG, ...more);

/** What has happened, then what comes, until the caller hangs up. */
async function* telling(signal: AbortSignal): AsyncGenerator<StudyEvent> {
  for (let next = 0; !signal.aborted;) {
    const event = story[next];
    if (event === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    else {
      next += 1;
      yield event;
    }
  }
}

const stamp = (): Pick<StudyEvent, 'sequence' | 'at'> => ({ sequence: story.length, at: instant(clock) });

function round(number: number, ms: number): void {
  story.push({ ...stamp(), kind: 'roundPhase', round: number, attempt: 1, phase: 'opening' });
  clock += ms;
  story.push({ ...stamp(), kind: 'roundReleased', round: number, attempt: 1 });
}

const finish = (outcome: string, code: 'E-COHORT-TOO-SMALL' | null = null): void => {
  story.push({ ...stamp(), kind: 'studyFinished', outcome, code });
};

test('status says where the study stands', async () => {
  const { exit, stdout } = await study('status');
  expect(exit).toBe(0);
  expect(stdout).toContain('The study is running; 2 of 5 rounds are released.');
  expect(stdout).toMatch(/^alpha +yes +no +1970-01-02T00:00:00\.000Z +commit$/m);
  expect((await study('status', '--json')).json()).toMatchObject({ type: 'status', ...status });
});

test('status says why a study failed, and what to do', async () => {
  status = { ...status, phase: 'failed', code: 'E-STATE-BEHIND' };
  const { stdout } = await study('status');
  expect(stdout).toContain('The study is failed; 2 of 5 rounds are released.');
  expect(stdout).toContain("Put the newest copy of the enclave's disk back");
  expect(stdout).toContain('consilium errors E-STATE-BEHIND');
  expect((await study('status', '--json')).json()).toMatchObject({ code: 'E-STATE-BEHIND' });
});

test('launch asks for every round that is left, or for fewer', async () => {
  expect((await study('launch')).stdout).toBe('Launched for 3 rounds.\n');
  expect((await study('launch', '--rounds', '1')).stdout).toBe('Launched for 1 round.\n');
  expect(asked).toEqual([{ rounds: 3 }, { rounds: 1 }]);
});

test('a refusal of the coordinator is shown as its own', async () => {
  await server.stop(100);
  const missing = refusal('E-APPROVALS-MISSING', '', { got: '1', want: 'at least 3' });
  server = await serve(COORDINATOR, [studyDesk({ launch: async () => err(missing) })]);
  await configure();
  const { exit, stderr } = await study('launch');
  expect(exit).toBe(77);
  expect(stderr).toContain('E-APPROVALS-MISSING');
});

test('stop carries its reason', async () => {
  expect((await study('stop', '--reason', 'ethics board asked')).stdout).toBe('Stopped.\n');
  expect(asked).toEqual([{ reason: 'ethics board asked' }]);
});

describe('consilium study watch', () => {
  test('tells an old story with the times of then, and ends with it', async () => {
    story.push({ ...stamp(), kind: 'phaseChanged', phase: 'gathering' });
    round(1, 730);
    story.push({ ...stamp(), kind: 'roundAborted', round: 2, attempt: 1, code: 'E-COHORT-TOO-SMALL' });
    round(2, 410);
    finish('finished');
    status = { ...status, phase: 'finished' };
    const { exit, stdout, json } = await study('watch', '--json');
    expect(exit).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    expect(lines.filter((line) => (line as { type: string }).type === 'released')).toEqual([
      { type: 'released', round: 1, ms: 730 },
      { type: 'released', round: 2, ms: 410 },
    ]);
    expect(lines).toContainEqual({ type: 'aborted', round: 2, attempt: 1, code: 'E-COHORT-TOO-SMALL' });
    expect(json()).toEqual({ type: 'ended', outcome: 'finished', code: null });
  });

  test('goes on behind a stop that a launch followed', async () => {
    round(1, 100);
    finish('stopped');
    const watching = study('watch', '--json');
    setTimeout(() => {
      story.push({ ...stamp(), kind: 'phaseChanged', phase: 'gathering' });
      round(2, 200);
      finish('finished');
    }, 150);
    const { exit, stdout } = await watching;
    expect(exit, stdout).toBe(0);
    expect(stdout).toContain('{"type":"released","round":2,"ms":200}');
  });

  test.each([
    ['failed', 'E-COHORT-TOO-SMALL', 75, 'E-COHORT-TOO-SMALL'],
    ['stopped', null, 75, 'E-ROUND-STOPPED'],
  ] as const)('a study that %s ends it with the reason', async (outcome, code, exit, shown) => {
    finish(outcome, code);
    const ran = await study('watch');
    expect(ran.exit).toBe(exit);
    expect(ran.stderr).toContain(shown);
    expect(ran.stderr).toContain(`the study is ${outcome}`);
  });

  test('does not wait for a study that ended before the coordinator restarted', async () => {
    status = { ...status, phase: 'finished' };
    expect((await study('watch', '--json')).json()).toEqual({ type: 'ended', outcome: 'finished', code: null });
  });

  test('takes up the story when the coordinator comes back, and repeats nothing', async () => {
    round(1, 100);
    const watching = study('watch', '--json');
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { port } = server;
    await server.stop(0);
    const { startServer } = await import('../../../../lib/wire/serve.ts');
    round(2, 200);
    finish('finished');
    const restarted = await startServer({
      address: { host: '127.0.0.1', port },
      tls: certificateOf(COORDINATOR.role, COORDINATOR.id),
      services: [
        studyDesk({
          getStatus: async () => ok({ ...status, sites: [...status.sites], phase: 'finished' }),
          watch: async (_request, { signal }) => ok(telling(signal)),
        }),
      ],
      onRefused: () => undefined,
      onFault: () => undefined,
    });
    const { exit, stdout } = await watching;
    await restarted.stop(100);
    expect(exit, stdout).toBe(0);
    expect(stdout.match(/"type":"released","round":1/g)).toHaveLength(1);
    expect(stdout.match(/"type":"released","round":2/g)).toHaveLength(1);
  });
});

describe('who may ask', () => {
  test('a certificate of another role is refused', async () => {
    await configure('enclave');
    const { exit, stderr } = await study('status');
    expect(exit).toBe(77);
    expect(stderr).toContain('E-ORG-IDENTITY');
  });

  test('another coordinator than the one named is not asked', async () => {
    const coordinator = { host: '127.0.0.1', port: server.port, id: 'somebody-else' };
    await configure('researcher', { coordinator });
    expect((await study('status')).exit).toBe(77);
  });

  test('a coordinator that is not there is said at once', async () => {
    await server.stop(0);
    for (const name of ['status', 'watch']) {
      const { exit, stderr } = await study(name);
      expect(exit).toBe(75);
      expect(stderr).toContain('E-TRANSPORT');
    }
  });

  test('a misspelt key of the configuration is answered with the right one', async () => {
    await configure('researcher', { coordinater: {} });
    const { exit, stderr } = await study('status');
    expect(exit).toBe(78);
    expect(stderr).toContain('coordinater: unknown key; did you mean coordinator?');
  });
});
