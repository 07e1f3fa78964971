import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readNamedFile, readSecretFile, secretFileProblem } from '../../../lib/config/named-file.ts';
import { readTls } from '../../../lib/config/read-tls.ts';
import { organisationId } from '../../../lib/core/ids.ts';
import { createAuthority, issue } from '../../../lib/wire/certificates.ts';
import { START } from '../../support/test-contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'consilium-files-'));
const NOBODY = 65_534;
const isWindows = process.platform === 'win32';
const isRoot = process.getuid?.() === 0;

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const refused = (detail: string): object => ({ refusals: [{ code: 'E-CONFIG', detail }] });

describe('a file that somebody named', () => {
  test('is read, or refused with its path and the reason', async () => {
    const path = file('present', 'x');
    expect(await readNamedFile(path)).toEqual(Uint8Array.of(0x78));
    const absent = join(folder, 'absent');
    await expect(readNamedFile(absent)).rejects.toMatchObject(refused(`${absent}: there is no such file`));
    const below = join(path, 'below');
    await expect(readNamedFile(below)).rejects.toMatchObject(refused(`${below}: there is no such file`));
    await expect(readNamedFile(folder)).rejects.toMatchObject(refused(`${folder}: this is a folder`));
    await expect(readNamedFile(absent, 'E-MODEL-FILE')).rejects.toMatchObject({ refusals: [{ code: 'E-MODEL-FILE' }] });
  });

  test.skipIf(isWindows)(
    'that holds a secret belongs to who runs the program, and nobody else may read it',
    async () => {
      const path = file('key', new Uint8Array(32));
      expect(secretFileProblem(path)).toBeNull();
      expect(await readSecretFile(path)).toHaveLength(32);
      for (const mode of [0o640, 0o604, 0o620, 0o601])
        expect(secretFileProblem(file(`mode ${mode}`, 'x', mode)), `mode ${mode}`).toContain('by its owner only');
      expect(secretFileProblem(folder)).toBe('is not a file');
      expect(secretFileProblem(join(folder, 'absent'))).toBe('there is no such file');
      await expect(readSecretFile(file('loose', 'x', 0o644))).rejects.toMatchObject({
        refusals: [{ code: 'E-CONFIG' }],
      });
    },
  );

  test.skipIf(isWindows || !isRoot)('that holds a secret of another user is refused, to root too', () => {
    const path = file('key of another', 'x');
    chownSync(path, NOBODY, NOBODY);
    expect(secretFileProblem(path)).toContain('must be owned by the user who runs this program');
  });
});

describe('TLS files', () => {
  const authority = createAuthority({ name: 'Test', at: START, days: 1 });
  const certified = (id: string): ReturnType<typeof issue> =>
    issue(authority, { role: 'site', id: organisationId(id), addresses: ['localhost'], at: START, days: 1 });
  const own = certified('adler');
  const paths = {
    certificate: file('tls.crt', own.certificate),
    privateKey: file('tls.key', own.privateKey),
    authority: file('ca.crt', authority.certificate),
  };

  test('that belong together are read', async () => {
    expect(await readTls(paths)).toEqual({
      certificate: own.certificate,
      privateKey: own.privateKey,
      authority: authority.certificate,
    });
  });

  test.each([
    ['certificate', 'not PEM', 'tls.certificate: is not a certificate'],
    ['authority', 'not PEM', 'tls.authority: is not a certificate'],
    ['privateKey', 'not PEM', 'tls.privateKey: is not a private key'],
    ['privateKey', certified('birch').privateKey, 'tls.privateKey: is the key of another certificate'],
    ['certificate', certified('birch').certificate, 'tls.privateKey: is the key of another certificate'],
  ])('%s: refused by name', async (which, content, detail) => {
    const changed = { ...paths, [which]: file('changed', content) };
    await expect(readTls(changed)).rejects.toMatchObject(refused(detail));
  });

  test('one that is not there is named', async () => {
    const certificate = join(folder, 'gone.crt');
    await expect(readTls({ ...paths, certificate })).rejects.toMatchObject(
      refused(`${certificate}: there is no such file`),
    );
  });
});
