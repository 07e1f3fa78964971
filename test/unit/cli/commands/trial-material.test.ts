import { X509Certificate } from 'node:crypto';
import { chmod, cp, readFile, stat, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { chipCommand } from '../../../../cli/commands/chip.ts';
import { tlsCommand } from '../../../../cli/commands/tls.ts';
import { readRoots } from '../../../../cli/setup/roots-file.ts';
import { simulatedRoot } from '../../../../lib/attestation/simulated/chip.ts';
import { toHex } from '../../../../lib/core/bytes.ts';
import { instant } from '../../../../lib/core/ids.ts';
import { createAuthority } from '../../../../lib/wire/certificates.ts';
import { runCommand, testFolder, type Ran } from './run-command.ts';

const path = testFolder();
const tls = (...argv: string[]): Promise<Ran> => runCommand(tlsCommand, 'tls', ...argv);
const issue = (role: string, id: string, ...more: string[]): Promise<Ran> =>
  tls('issue', '--ca', path('ca'), '--role', role, '--id', id, '--out', path(id), ...more);
const mode = async (...names: string[]): Promise<number> => (await stat(path(...names))).mode & 0o777;
const certificate = async (...names: string[]): Promise<X509Certificate> =>
  new X509Certificate(await readFile(path(...names)));

beforeAll(async () => {
  await tls('ca', '--out', path('ca'));
});

describe('consilium tls', () => {
  test('an authority says in its name what it is worth, and keeps its key to its owner', async () => {
    const authority = await certificate('ca', 'ca.crt');
    expect(authority.subject).toBe('CN=Consilium trial only');
    expect(authority.ca).toBe(true);
    expect(await mode('ca', 'ca.key')).toBe(0o600);
  });

  test('a certificate read back from files carries role, id and addresses, and is signed by the authority', async () => {
    expect((await issue('coordinator', 'coordinator', '--address', 'fl.example.org', '10.1.2.3')).exit).toBe(0);
    const [issued, authority] = [await certificate('coordinator', 'tls.crt'), await certificate('ca', 'ca.crt')];
    expect(issued.verify(authority.publicKey)).toBe(true);
    expect(issued.checkIssued(authority)).toBe(true);
    expect(issued.subjectAltName).toBe(
      'URI:consilium://coordinator/coordinator, DNS:fl.example.org, IP Address:10.1.2.3',
    );
    expect(await mode('coordinator', 'tls.key')).toBe(0o600);
    expect(await readFile(path('coordinator', 'ca.crt'))).toEqual(await readFile(path('ca', 'ca.crt')));
  });

  test('files lie beside those of the organisation, and none is overwritten', async () => {
    expect((await issue('site', 'adler')).exit).toBe(0);
    const before = await readFile(path('adler', 'tls.key'));
    const { exit, stderr } = await issue('site', 'adler');
    expect(exit).toBe(78);
    expect(stderr).toContain('tls.crt: exists already and is not overwritten');
    expect(await readFile(path('adler', 'tls.key'))).toEqual(before);
    expect((await tls('ca', '--out', path('ca'))).exit).toBe(78);
  });

  test.each<[string, string[], string]>([
    ['a role that does not exist', ['--role', 'admin', '--id', 'x'], 'Allowed choices are'],
    ['no role', ['--id', 'x'], "required option '--role <role>' not specified"],
    ['a bad address', ['--role', 'site', '--id', 'x', '--address', 'a b'], 'an address is a DNS name or an IP address'],
    ['too many days', ['--role', 'site', '--id', 'x', '--days', '4000'], 'must be a whole number from 1 to 365'],
  ])('refuses %s', async (_what, more, message) => {
    const { exit, stderr } = await tls('issue', '--ca', path('ca'), '--out', path('refused'), ...more);
    expect(exit).toBe(64);
    expect(stderr).toContain(message);
  });

  test('issues from no other authority: a real one must not be used so', async () => {
    const real = createAuthority({ name: 'Hospital Root', at: instant(Date.now()), days: 3 });
    await cp(path('ca'), path('real-ca'), { recursive: true });
    await writeFile(path('real-ca', 'ca.crt'), real.certificate);
    await writeFile(path('real-ca', 'ca.key'), real.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await cp(path('ca'), path('mixed-ca'), { recursive: true });
    const other = createAuthority({ name: 'Consilium trial only', at: instant(Date.now()), days: 3 });
    await writeFile(path('mixed-ca', 'ca.crt'), other.certificate);
    await cp(path('ca'), path('junk-ca'), { recursive: true });
    await writeFile(path('junk-ca', 'ca.crt'), 'junk');
    for (const ca of ['real-ca', 'mixed-ca', 'junk-ca']) {
      const { exit, stderr } = await tls('issue', '--ca', path(ca), '--role', 'site', '--id', 'x', '--out', path('x'));
      expect(exit).toBe(78);
      expect(stderr).toContain('is not a trial authority that consilium tls ca made');
    }
    await chmod(path('junk-ca', 'ca.key'), 0o644);
    const open = await tls('issue', '--ca', path('junk-ca'), '--role', 'site', '--id', 'x', '--out', path('x'));
    expect(open.stderr).toContain('chmod 600');
  });
});

test('consilium chip init: a secret seed for its owner, and the public root that follows from it', async () => {
  const chip = (): Promise<Ran> => runCommand(chipCommand, 'chip', 'init', '--out', path('chip'), '--json');
  const made = (await chip()).json();
  const seed = new Uint8Array(await readFile(path('chip', 'chip-root.seed')));
  expect(await mode('chip', 'chip-root.seed')).toBe(0o600);
  expect(seed).toHaveLength(32);
  expect(await readRoots(path('chip', 'roots.json'))).toEqual([simulatedRoot(seed)]);
  expect(made).toMatchObject({ simulated: true, root: toHex(simulatedRoot(seed)) });
  expect((await chip()).exit).toBe(78);
  expect(new Uint8Array(await readFile(path('chip', 'chip-root.seed')))).toEqual(seed);
});
