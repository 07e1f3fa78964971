import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { attestCommand } from '../../../../cli/commands/attest.ts';
import { PLATFORMS } from '../../../../lib/attestation/platforms.ts';
import { documentPolicy } from '../../../../lib/attestation/policy/policy.ts';
import { cbor, nitroAuthority, nitroDocument } from '../../../authorities/nitro-authority.ts';
import { evidenceVectorsAbsent } from '../../../vectors/attestation/evidence-vectors.ts';
import { runCommand, testFolder, type Ran } from './run-command.ts';

const inFolder = testFolder();
const attest = (...argv: string[]): Promise<Ran> => runCommand(attestCommand, 'attest', ...argv);
const vector = (path: string): string =>
  fileURLToPath(new URL(`../../../../../shared/vectors/attestation/${path}`, import.meta.url));

function file(name: string, content: string | Uint8Array): string {
  const path = inFolder(name);
  writeFileSync(path, content);
  return path;
}

const policy = (name: string, ...lines: readonly string[]): string =>
  file(name, ['format: consilium/attestation-policy/v1', ...lines, ''].join('\n'));

const AT = Date.parse('2026-06-01T12:00:00Z');
const fake = nitroDocument(nitroAuthority(AT), {
  timestamp: AT,
  fields: { module_id: cbor.text('i-1\u001b[2J\u202e-enc1') },
});
const HOSTILE = file('hostile.bin', fake);

describe('consilium attest verify, whatever the file', () => {
  test("a well-made document under the attacker's own root is not authentic", async () => {
    const { exit, stdout, stderr } = await attest('verify', HOSTILE, '--at', '2026-06-01T12:00:00Z');
    expect(exit).toBe(41);
    expect(stdout).toContain('NOT AUTHENTIC');
    expect(stdout).toMatch(/Nitro root +FAILED/);
    expect(stdout).not.toContain('What the evidence says');
    expect(stderr).toContain('E-ATTEST-SIGNATURE');
  });

  test.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['half a JSON', '{"quote": "'],
    ['zeros', new Uint8Array(5000)],
    ['deep JSON', '['.repeat(100_000)],
  ])('%s is not authentic', async (name, content) => {
    const { exit, stdout } = await attest('verify', file(`${name}.bin`, content));
    expect(exit).toBe(41);
    expect(stdout).toContain('NOT AUTHENTIC');
  });

  test('another platform than the one that is asked for', async () => {
    const { exit, stderr } = await attest('verify', HOSTILE, '--platform', 'tdx', '--at', '2026-06-01');
    expect(exit).toBe(41);
    expect(stderr).toContain('E-ATTEST-MALFORMED');
  });

  test.each([
    [[]],
    [[HOSTILE, '--platform', 'vax']],
    [[HOSTILE, '--nonce', 'xy']],
    [[HOSTILE, '--nonce', '']],
    [[HOSTILE, '--report-data', '0'.repeat(1026)]],
    [[HOSTILE, '--at', 'yesterday']],
    [[HOSTILE, '--polisy', 'x']],
    [['absent.bin']],
    [[inFolder()]],
    [[HOSTILE, '--collateral', 'absent.json']],
  ])('usage: %j', async (argv) => {
    expect((await attest('verify', ...argv)).exit).toBe(64);
  });

  test('collateral that holds nothing is named', async () => {
    const { exit, stderr } = await attest('verify', HOSTILE, '--certs', file('empty.pem', 'no certificate'));
    expect(exit).toBe(41);
    expect(stderr).toContain('empty.pem');
    expect(stderr).toContain('E-ATTEST-COLLATERAL-INVALID');
  });

  test.each([
    ['unknown.yaml', ['nitro: { pcr: {} }', 'colour: 1'], ['nitro.pcr: no such key', 'colour: no such key']],
    ['broken.yaml', ['nitro: ['], ['not valid YAML']],
    ['unquoted.yaml', ['nitro: { signers: [123] }'], ['in quotes']],
  ])('a policy that is not valid: %s', async (name, lines, found) => {
    const { exit, stderr } = await attest('verify', HOSTILE, '--policy', policy(name, ...lines));
    expect(exit).toBe(78);
    expect(stderr).toContain('E-POLICY-INVALID');
    for (const text of found) expect(stderr.replaceAll(/\s+/g, ' ')).toContain(text);
  });
});

describe('consilium attest show', () => {
  test('prints fields with their place, says that nothing is verified, and lets no name steer the terminal', async () => {
    const { exit, stdout } = await attest('show', HOSTILE);
    expect(exit).toBe(0);
    expect(stdout).toContain('NOT verified');
    expect(stdout).toContain('i-1 [2J -enc1');
    for (const mark of ['\u001b', '\u202e']) expect(stdout).not.toContain(mark);
    expect(stdout).toMatch(/^ +\d+ {2}pcrs\[0\]$/m);
  });

  test('for programs, every field', async () => {
    const shown = (await attest('show', HOSTILE, '--json')).json() as { fields: { name: string; offset: number }[] };
    expect(shown).toMatchObject({ type: 'evidence', format: 'nitro', verified: false });
    const signature = shown.fields.find(({ name }) => name === 'signature');
    expect(signature?.offset).toBe(fake.length - 96);
  });

  test('refuses what cannot be read', async () => {
    expect((await attest('show', file('x.bin', 'x'))).exit).toBe(41);
    expect((await attest('show', HOSTILE, '--platform', 'tdx')).exit).toBe(41);
    expect((await attest('show', 'absent.bin')).exit).toBe(64);
  });
});

describe('consilium attest policy explain', () => {
  const everyKey = documentPolicy().flatMap(({ keys }) => keys.map(({ path }) => path));

  test('prints every key of every platform', async () => {
    const { stdout } = await attest('policy', 'explain');
    expect(everyKey.filter((path) => !stdout.includes(`\n${path}\n`))).toEqual([]);
    for (const { format } of PLATFORMS) expect(stdout).toContain(`${format}: `);
  });

  test('or of one, or for programs', async () => {
    const { stdout } = await attest('policy', 'explain', '--platform', 'nitro');
    expect(stdout).toContain('nitro.pcrs\n');
    expect(stdout).not.toContain('tdx');
    const { sections } = (await attest('policy', 'explain', '--json')).json() as { sections: { keys: object[] }[] };
    expect(sections.flatMap(({ keys }) => keys)).toHaveLength(everyKey.length);
    expect((await attest('policy', 'explain', '--platform', 'vax')).exit).toBe(64);
  });
});

describe.skipIf(evidenceVectorsAbsent)('consilium attest on real evidence', () => {
  const NITRO = vector('nitro/Dstack-TEE+dstack/dstack/dstack-attest/tests/nitro_attestation.bin');
  const DEBUG = vector('extracted/nitro/dstack/dstack-debug.cbor');
  const then = ['--at', '2025-12-25T16:05:00Z'];
  const TDX = 'tdx/Phala-Network+dcap-qvl/sample/tdx_quote';
  const tdx = [vector(TDX), '--at', '2025-07-01T00:00:00Z'];
  const tdxCollateral = ['--collateral', vector(`${TDX}_collateral.json`)];
  const PCR0 = 'eb7d0dab08ff41546d7e5659aee883af7b32bb2e58e46815b719f9f7bfae7b880188a10d86317e6509923740526cf74a';
  const wanted = policy('wanted.yaml', `nitro: { pcrs: { 0: ${PCR0} } }`);
  const anyProgram = policy('any.yaml', 'anyProgram: true', 'platforms: [nitro, tdx]');

  test('without a policy: authentic, its claims, and never more than that', async () => {
    const { exit, stdout, stderr } = await attest('verify', NITRO, ...then);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toContain('AUTHENTIC, NOT APPRAISED: no expectation given');
    expect(stdout).toContain(`PCR0                ${PCR0}`);
    expect(stdout).toMatch(/Nitro revocation +not available/);
    expect(stdout).toContain('may have been recorded earlier');
    expect(stdout).not.toMatch(/^Verdict .*(?:\bvalid\b|ACCEPTED)/im);
  });

  test('as the policy wants, and bound to what was asked', async () => {
    const data = `e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855${'00'.repeat(32)}`;
    const { exit, stdout } = await attest(
      'verify',
      NITRO,
      ...then,
      '--policy',
      wanted,
      '--report-data',
      data.toUpperCase(),
    );
    expect(exit).toBe(0);
    expect(stdout).toContain('ACCEPTED: authentic');
    expect(stdout).toMatch(/^report data +passed/m);
    expect(stdout).not.toContain('recorded earlier');
  });

  test.each([
    ['another nonce', [NITRO, ...then, '--nonce', '00'], 41, 'E-ATTEST-BINDING'],
    ['later', [NITRO, '--at', '2025-12-26'], 41, 'E-ATTEST-EXPIRED'],
    ['debugging', [DEBUG, '--at', '2025-12-25T08:21:00Z', '--policy', anyProgram], 40, 'E-ATTEST-DEBUG'],
    ['another program', [DEBUG, '--at', '2025-12-25T08:21:00Z', '--policy', wanted], 40, 'E-ATTEST-MEASUREMENT'],
    ['too old for the policy', [NITRO, '--at', '2025-12-25T17:00:00Z', '--policy', wanted], 40, 'E-ATTEST-POLICY'],
    ['another platform', [...tdx, ...tdxCollateral, '--policy', wanted], 40, 'E-ATTEST-PLATFORM'],
    ['no collateral', tdx, 42, 'E-ATTEST-COLLATERAL'],
    ['no collateral, under a policy that refuses it too', [...tdx, '--policy', wanted], 42, 'E-ATTEST-COLLATERAL'],
  ])('%s', async (_, argv, exit, code) => {
    const ran = await attest('verify', ...argv);
    expect(ran.exit).toBe(exit);
    expect(ran.stderr).toContain(code);
    const { stdout } = await attest('verify', ...argv, '--json');
    const [result, error] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(error).toMatchObject({ type: 'error', exit });
    expect(result).toMatchObject({ type: 'attestation-result', eat_profile: 'tag:ietf.org,2026:rats/ear#04' });
    expect(JSON.stringify(result)).toContain(code);
    expect(JSON.stringify(result)).not.toContain('"affirming"');
  });

  test('with its collateral a quote is authentic; without it what is missing is named', async () => {
    const with_ = await attest('verify', ...tdx, ...tdxCollateral);
    expect(with_.exit).toBe(0);
    expect(with_.stdout).toContain('NOT APPRAISED');
    const without = await attest('verify', ...tdx);
    expect(without.stdout).toContain('INCONCLUSIVE: a needed input is missing');
    expect(without.stdout).toContain('Missing: ');
  });

  test.each([
    [10, 40],
    [365, 0],
  ])('collateral issued at most %i days before', async (days, exit) => {
    const strict = policy(`age-${days}.yaml`, 'anyProgram: true', 'platforms: [tdx]', `maxCollateralAgeDays: ${days}`);
    const ran = await attest('verify', ...tdx, ...tdxCollateral, '--policy', strict);
    expect(ran.exit).toBe(exit);
    expect(ran.stdout).toMatch(new RegExp(`^collateral age +${exit === 0 ? 'passed' : 'FAILED'}`, 'm'));
  });

  test('AMD offers revocation lists: without one the verdict is inconclusive, unless the policy accepts that', async () => {
    const report = vector('sev-snp/veraison+services/scheme/sevsnp/test/evidence/sevsnp-tsm-report.json');
    const roots = vector('roots/google+go-sev-guest/verify/trust/ask_ark_genoa.pem');
    const argv = [report, '--certs', roots, '--at', '2026-03-01'];
    const required = await attest('verify', ...argv);
    expect(required.exit).toBe(42);
    const accepting = policy(
      'absent.yaml',
      'revocation: accept-absent',
      'anyProgram: true',
      'sev-snp: { aliasCheck: false }',
    );
    const accepted = await attest('verify', ...argv, '--policy', accepting);
    expect({ exit: accepted.exit, stderr: accepted.stderr }).toEqual({ exit: 0, stderr: '' });
    expect(accepted.stdout).toContain('Revocation could not be checked.');
  });

  test('policy test: a set of files, and the code of the first that is not accepted', async () => {
    const prod = vector('extracted/nitro/dstack/dstack-prod.cbor');
    const good = await attest('policy', 'test', wanted, NITRO, prod, ...then);
    expect(good.exit).toBe(0);
    expect(good.stdout.match(/ACCEPTED/g)).toHaveLength(2);
    const mixed = await attest('policy', 'test', wanted, prod, DEBUG, ...then);
    expect(mixed.exit).toBe(41);
    expect(mixed.stderr).toContain('dstack-debug.cbor: ');
    const { stdout } = await attest('policy', 'test', wanted, prod, DEBUG, ...then, '--json');
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { outcome?: string });
    expect(rows.map(({ outcome }) => outcome)).toEqual(['affirming', 'not-authentic', undefined]);
  });
});
