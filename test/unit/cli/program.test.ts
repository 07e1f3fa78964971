import { describe, expect, test } from 'vitest';
import type { CommandModule } from '../../../cli/command-module.ts';
import { errorsCommand } from '../../../cli/commands/errors.ts';
import { runProgram } from '../../../cli/program.ts';
import { ERRORS, refusal, RefusalError, type ErrorCode } from '../../../lib/core/errors.ts';
import { memoryIo } from './memory-io.ts';

/** Commands with the shapes that real ones have: options with values, a group, a refusal and a bug. */
const probe: CommandModule = {
  register(program, io) {
    const command = program
      .command('simulate')
      .option('--rounds <n>', 'how many rounds')
      .requiredOption('--seed <s>', 'the seed')
      .action(() => {
        io.stdout.write(JSON.stringify(command.optsWithGlobals()));
      });
    const group = program.command('contract').description('drafts and approves');
    group.command('approve').action(() => {
      throw new RefusalError(
        refusal('E-CONTRACT-EXPIRED', 'validity', { got: '2020', want: '2026' }),
        refusal('E-CONTRACT-EXPIRED', 'again'),
        refusal('E-ORG-UNKNOWN', 'st-olav'),
      );
    });
    program.command('fall').action(async () => {
      await Promise.reject(new TypeError('patient Jansen is 44'));
    });
  },
};

async function run(...argv: string[]): Promise<{ exit: number; stdout: string; stderr: string }> {
  const io = memoryIo();
  const exit = await runProgram(argv, [errorsCommand, probe], io);
  return { exit, stdout: io.written.stdout(), stderr: io.written.stderr() };
}

describe('a command line that is not valid', () => {
  test.each([
    [['simulat'], 'unknown command simulat of consilium; did you mean simulate?'],
    [
      ['simulate', '--seed', '1', '--round', '3'],
      'unknown option --round of consilium simulate; did you mean --rounds?',
    ],
    [['simulate', '--seed', '1', '--ronds=3'], 'unknown option --ronds of consilium simulate; did you mean --rounds?'],
    [['simulate', '--sed', '1'], 'unknown option --sed of consilium simulate; did you mean --seed?'],
    [['simulate', '--seed', '1', '--jsn'], 'unknown option --jsn of consilium simulate; did you mean --json?'],
    [['contract', 'aprove'], 'unknown command aprove of consilium contract; did you mean approve?'],
    [['help', 'simulat'], 'unknown command simulat of consilium; did you mean simulate?'],
    [['zzzzzzzz'], 'unknown command zzzzzzzz of consilium\n'],
    [['simulate'], "required option '--seed <s>' not specified"],
    [['simulate', '--seed'], "option '--seed <s>' argument missing"],
    [['errors', 'E-ATEST-DEBUG'], 'there is no code E-ATEST-DEBUG; did you mean E-ATTEST-DEBUG?'],
  ])('%j ends with 64 and says %j', async (argv, message) => {
    const { exit, stdout, stderr } = await run(...argv);
    expect(exit).toBe(64);
    expect(stdout).toBe('');
    expect(stderr.replaceAll(/\n {15}/g, ' ')).toContain(message);
    expect(stderr).toContain('E-USAGE (exit 64)');
  });

  test('the value of an unknown option is not repeated', async () => {
    expect((await run('simulate', '--pasword=hunter2')).stderr).not.toContain('hunter2');
  });

  test('is answered in JSON when --json stands anywhere on it', async () => {
    const { exit, stdout, stderr } = await run('simulate', '--round', '3', '--json');
    expect(exit).toBe(64);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ type: 'error', code: 'E-USAGE', exit: 64, retryable: false });
    expect((await run('simulate', '--round', '--', '--json')).stdout).toBe('');
  });

  test.each([[[]], [['contract']]])('%j alone shows help and ends with 64', async (argv) => {
    const { exit, stderr } = await run(...argv);
    expect(exit).toBe(64);
    expect(stderr).toMatch(/^Usage: consilium/);
  });
});

test.each([['--help'], ['help'], ['simulate', '--help'], ['help', 'contract'], ['--version']])(
  '%s is shown on stdout and ends with 0',
  async (...argv) => {
    const { exit, stdout, stderr } = await run(...argv);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toMatch(argv[0] === '--version' ? /^\d+\.\d+\.\d+\n$/ : /^Usage: consilium/);
  },
);

test('--json reaches a command before and after its name', async () => {
  expect(JSON.parse((await run('--json', 'simulate', '--seed', '1')).stdout)).toEqual({ json: true, seed: '1' });
  expect(JSON.parse((await run('simulate', '--seed', '1', '--json')).stdout)).toEqual({ json: true, seed: '1' });
});

test('refusals are shown by code, with what they mean for patient data, and the first gives the exit code', async () => {
  const { exit, stderr } = await run('contract', 'approve');
  expect(exit).toBe(ERRORS['E-CONTRACT-EXPIRED'].exit);
  expect(stderr).toBe(
    [
      'Error          The contract is outside its validity.',
      'Found          validity: got 2020, wanted 2026',
      '               again',
      'Patient data   No patient data left the hospital.',
      'What to do     Agree a successor contract.',
      'Code           E-CONTRACT-EXPIRED (exit 77); more: consilium errors',
      '               E-CONTRACT-EXPIRED',
      '',
      'Error          The organisation is not named in the contract.',
      'Found          st-olav',
      'Patient data   No patient data left the hospital.',
      'What to do     Only organisations in the contract can take part.',
      'Code           E-ORG-UNKNOWN (exit 77); more: consilium errors E-ORG-UNKNOWN',
      '',
    ].join('\n'),
  );
});

test('a bug ends with 70, without its message and its stack', async () => {
  const { exit, stdout, stderr } = await run('fall');
  expect({ exit, stdout }).toEqual({ exit: 70, stdout: '' });
  expect(stderr).toContain('Consilium itself has a fault.');
  expect(stderr).toMatch(/TypeError at program\.test\.ts:\d+:\d+/);
  expect(stderr).not.toContain('Jansen');
  expect(stderr).not.toContain('    at ');
  expect(JSON.parse((await run('fall', '--json')).stdout)).toMatchObject({ code: 'E-INTERNAL', exit: 70 });
});

test('a bug shows its stack when CONSILIUM_DEBUG=1 asks for it', async () => {
  const io = memoryIo({ env: { CONSILIUM_DEBUG: '1' } });
  expect(await runProgram(['fall'], [probe], io)).toBe(70);
  expect(io.written.stderr()).toContain('TypeError: patient Jansen is 44\n    at ');
});

test('colour is used on a terminal, and NO_COLOR stops it', async () => {
  const colored = memoryIo({ isTTY: true });
  await runProgram(['contract', 'approve'], [probe], colored);
  expect(colored.written.stderr()).toContain('\u001b[1m');
  const plain = memoryIo({ isTTY: true, env: { NO_COLOR: '1' } });
  await runProgram(['contract', 'approve'], [probe], plain);
  await runProgram(['--help'], [probe], plain);
  expect(plain.written.stderr() + plain.written.stdout()).not.toContain('\u001b');
});

describe('consilium errors', () => {
  const codes = Object.keys(ERRORS) as ErrorCode[];

  test('lists every code', async () => {
    const { exit, stdout } = await run('errors');
    expect(exit).toBe(0);
    for (const code of codes) expect(stdout).toContain(`${code} `);
  });

  test.each(codes)('explains %s to people and to programs', async (code) => {
    const { stdout } = await run('errors', code.toLowerCase());
    for (const text of [ERRORS[code].what, ERRORS[code].patientData, ERRORS[code].next]) expect(stdout).toContain(text);
    expect(JSON.parse((await run('errors', code, '--json')).stdout)).toMatchObject({ code, ...ERRORS[code] });
  });
});
