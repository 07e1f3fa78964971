import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { processesOf } from '../support/e2e-processes.ts';
import { repositoryRoot, workshop, type Line } from '../support/e2e-simulate.ts';

const { path, simulate } = workshop();

/** The shipped study with deadlines that a test can wait for, and a cohort of two. */
function impatientStudy(): string {
  const shipped = readFileSync(join(repositoryRoot, 'examples', 'heart-disease', 'study.yaml'), 'utf8');
  const study = shipped
    .replace(/^deadlines: .*$/m, 'deadlines: { commitMs: 2500, uploadMs: 2500, acknowledgeMs: 2500 }')
    .replace(/^kMin: .*$/m, 'kMin: 2');
  expect(study.match(/2500/g)).toHaveLength(3);
  const file = path('impatient-study.yaml');
  writeFileSync(file, study);
  return file;
}

type Round = Readonly<Record<'participants' | 'absent', unknown>>;

describe('a study', () => {
  it.concurrent(
    'goes on without hospitals whose chips lie, and without one that is gone in the middle of a round',
    async () => {
      const lies = ['01:debug=true', '02:instance=another-machine', `03:measurement=${'ab'.repeat(32)}`];
      const run = simulate('go-on', [
        ...['--study', impatientStudy(), '--sites', '6', '--split', '--rounds', '2', '--keep'],
        ...lies.flatMap((lie) => ['--lie', `synthetic-${lie}`]),
      ]);
      await run.line(({ type, site, step }) => type === 'site' && site === 'synthetic-04' && step === 'committed');
      // Its machine burns down: the processes end and can never be started again.
      rmSync(join(run.out, 'work', 'synthetic-04', 'site.yaml'));
      process.kill(-run.processOf('synthetic-04'), 'SIGKILL');
      const summary = await run.summary();
      expect(summary).toMatchObject({ rounds: 2, passportVerified: true, synthetic: true, randomness: 'csprng' });
      expect(summary['sites']).toHaveLength(6);

      const [first, second] = summary['history'] as Round[];
      const out = 'did not commit to the round; the enclave refuses it: ';
      const liars = [
        { site: 'synthetic-01', why: `${out}E-ATTEST-DEBUG` },
        { site: 'synthetic-02', why: `${out}E-ATTEST-INSTANCE` },
        { site: 'synthetic-03', why: `${out}E-ATTEST-MEASUREMENT` },
      ];
      const noUpdate = /^no complete update before the deadline; its agent (?:died \(SIGKILL\)|ended \(exit 78\))/;
      expect(first).toMatchObject({
        participants: ['synthetic-05', 'synthetic-06'],
        absent: [...liars, { site: 'synthetic-04', why: expect.stringMatching(noUpdate) as unknown }],
      });
      expect(second).toMatchObject({
        participants: ['synthetic-05', 'synthetic-06'],
        absent: [...liars, { site: 'synthetic-04', why: 'did not commit to the round; its agent ended (exit 78)' }],
      });
      const enclaveLog = readFileSync(join(run.out, 'work', 'logs', 'enclave.log'), 'utf8');
      for (const code of ['E-ATTEST-DEBUG', 'E-ATTEST-INSTANCE', 'E-ATTEST-MEASUREMENT'])
        expect(enclaveLog).toContain(code);
      expect(processesOf(run.out)).toEqual([]);
    },
  );

  it.concurrent(
    'does not begin with an enclave that lies: every hospital refuses it before it shows or sends anything',
    async () => {
      const run = simulate('lying-enclave', ['--lie', 'enclave:debug=true', '--rounds', '1', '--keep']);
      const { code, ms } = await run.ended;
      expect(code).toBe(40);
      expect(ms).toBeLessThan(40_000);
      const error = run.lines.at(-1) as Line & { refusals: { code: string; detail: string }[] };
      expect(error).toMatchObject({ type: 'error', code: 'E-ATTEST-DEBUG', exit: 40 });
      expect(error['patientData']).toBe('No patient data left the hospital.');
      expect(error['next']).not.toBe('');
      const sites = ['harbour', 'lakeside', 'northfield', 'st-anne'];
      expect(error.refusals.map(({ detail }) => detail).sort()).toEqual(
        sites.map((site) => `${site}: it refuses the enclave: E-ATTEST-DEBUG`),
      );
      for (const site of sites) {
        const log = readFileSync(join(run.out, 'work', 'logs', `${site}.log`), 'utf8');
        expect(log).toContain('enclave.refused');
        expect(log).not.toMatch(/enclave\.attested|training\.started|site\./);
        expect(existsSync(join(run.out, 'work', site, 'received'))).toBe(false);
      }
      const enclaveLog = readFileSync(join(run.out, 'work', 'logs', 'enclave.log'), 'utf8');
      expect(enclaveLog).not.toContain('session.opened');
      expect(processesOf(run.out)).toEqual([]);
    },
  );
});
