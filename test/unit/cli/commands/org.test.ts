import fc from 'fast-check';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { orgCommand } from '../../../../cli/commands/org.ts';
import { readOverlay } from '../../../../cli/setup/overlay.ts';
import { sameWords } from '../../../../cli/setup/spoken-words.ts';
import { keyWords } from '../../../../lib/contract/key-words.ts';
import { fromHex, toHex } from '../../../../lib/core/bytes.ts';
import { signerFromSeed } from '../../../../lib/core/ed25519.ts';
import { organisationId, type PublicKey } from '../../../../lib/core/ids.ts';
import { runCommand, testFolder, type Ran } from './run-command.ts';

const path = testFolder();
const org = (...argv: string[]): Promise<Ran> => runCommand(orgCommand, 'org', ...argv);
const init = (id: string, folder = id): Promise<Ran> =>
  org('init', '--id', id, '--name', `${id} hospital`, '--out', path(folder), '--json');

describe('consilium org init', () => {
  test('makes a key for its owner only, its public file, and an overlay with itself in it', async () => {
    const made = (await init('adler')).json();
    const seed = await readFile(path('adler', 'organisation.key'));
    expect((await stat(path('adler', 'organisation.key'))).mode & 0o777).toBe(0o600);
    const key = toHex(signerFromSeed(new Uint8Array(seed)).publicKey);
    const publicFile = await readFile(path('adler', 'organisation.json'), 'utf8');
    expect(JSON.parse(publicFile)).toEqual({ id: 'adler', name: 'adler hospital', key });
    expect((await readOverlay(path('adler', 'overlay.yaml'))).confirmed).toMatchObject([{ id: 'adler', key }]);
    const words = keyWords({ id: organisationId('adler'), key: (fromHex(key) ?? new Uint8Array()) as PublicKey });
    expect(made).toMatchObject({ type: 'organisation', id: 'adler', key, words: words.join(' ') });
  });

  test('never shows or stores the secret anywhere else', async () => {
    const { stdout } = await org('init', '--id', 'quiet', '--name', 'Q', '--out', path('quiet'));
    const secret = toHex(new Uint8Array(await readFile(path('quiet', 'organisation.key'))));
    const others = ['organisation.json', 'overlay.yaml'].map((name) => readFile(path('quiet', name), 'utf8'));
    for (const text of [stdout, ...(await Promise.all(others))]) expect(text).not.toContain(secret);
    expect(stdout).toMatch(/read out these six words:\n\n {4}\w+( \w+){5}\n/);
  });

  test.each(['organisation.key', 'organisation.json', 'overlay.yaml'])(
    'leaves everything alone where %s exists',
    async (name) => {
      const folder = `taken-${name}`;
      await init('taken', folder);
      const before = await readFile(path(folder, name));
      const { exit, stdout } = await init('taken', folder);
      expect(exit).toBe(78);
      expect(stdout).toContain('exists already and is not overwritten');
      expect(await readFile(path(folder, name))).toEqual(before);
    },
  );

  test('two organisations never get the same key', async () => {
    expect((await init('one')).json()['key']).not.toBe((await init('two')).json()['key']);
  });

  test('a name that is not one is refused with the rule', async () => {
    const { exit, stderr } = await org('init', '--id', 'St Anne', '--name', 'x', '--out', path('bad'));
    expect(exit).toBe(64);
    expect(stderr).toContain('must be 1-63 lower-case letters, digits or hyphens');
  });
});

describe('PROTOCOL §6.2: consilium org confirm', () => {
  const confirm = async (words: string, file = path('birch', 'organisation.json')): Promise<Ran> =>
    org('confirm', file, '--overlay', path('cedar', 'overlay.yaml'), '--words', words);
  const confirmedIds = async (): Promise<string[]> =>
    (await readOverlay(path('cedar', 'overlay.yaml'))).confirmed.map(({ id }) => id);

  test('pins a key whose words were heard, however they were written down', async () => {
    await init('birch');
    await init('cedar');
    const words = (await org('words', path('birch', 'organisation.json'))).stdout.trim();
    const { exit, stdout } = await confirm(`  ${words.toUpperCase().replaceAll(' ', ' - ')}.`);
    expect(exit).toBe(0);
    expect(stdout).toContain('birch hospital (birch) is confirmed');
    expect(await confirmedIds()).toEqual(['cedar', 'birch']);
  });

  test('refuses other words, says what that may mean, tells nothing of the right ones, and pins nothing', async () => {
    await init('dogwood');
    const words = (await org('words', path('dogwood', 'organisation.json'))).stdout.trim().split(' ');
    for (const wrong of [[...words].reverse(), words.slice(1), [...words, 'zoo'], []]) {
      const { exit, stderr, stdout } = await confirm(wrong.join(' '), path('dogwood', 'organisation.json'));
      expect(exit).toBe(77);
      expect(stderr).toContain('E-ORG-WORDS');
      // Pairs: a single word of a random key may well be one of the message's own, such as "file".
      const told = (stdout + stderr).replaceAll(/\s+/g, ' ');
      words.slice(1).forEach((word, index) => {
        expect(told).not.toContain(`${words[index] ?? ''} ${word}`);
      });
    }
    expect(await confirmedIds()).toEqual(['cedar', 'birch']);
  });

  test('the words of one key do not confirm another key, another name or another organisation', async () => {
    const words = (await org('words', path('birch', 'organisation.json'))).stdout.trim();
    const genuine = JSON.parse(await readFile(path('birch', 'organisation.json'), 'utf8')) as Record<string, string>;
    const impostor = JSON.parse(await readFile(path('dogwood', 'organisation.json'), 'utf8')) as Record<string, string>;
    for (const forged of [
      { ...genuine, key: impostor['key'] },
      { ...genuine, id: 'birch-2' },
    ]) {
      await writeFile(path('forged.json'), JSON.stringify(forged));
      expect((await confirm(words, path('forged.json'))).exit).toBe(77);
    }
  });

  test('says when a key takes the place of another', async () => {
    await init('birch', 'birch-anew');
    const words = (await org('words', path('birch-anew', 'organisation.json'))).stdout;
    const { exit, stdout } = await confirm(words, path('birch-anew', 'organisation.json'));
    expect(exit).toBe(0);
    expect(stdout).toContain('It replaces another key, confirmed 20');
    expect(await confirmedIds()).toEqual(['cedar', 'birch']);
  });

  test('without words and without a terminal it does not wait', async () => {
    const file = path('birch', 'organisation.json');
    const { exit, stderr } = await org('confirm', file, '--overlay', path('cedar', 'overlay.yaml'));
    expect(exit).toBe(64);
    expect(stderr).toContain('without a terminal, give --words');
  });

  test.each([
    ['{"id":"x"', 'is not JSON'],
    ['{"id":"X Y","name":"n","key":"00"}', 'key: must be 64 hexadecimal digits'],
    [`{"id":"x","name":"n","key":"${'0'.repeat(64)}","keey":1}`, 'keey: unknown key; did you mean key?'],
    ['[]', 'expected object'],
  ])('a file %j is refused with its rule', async (text, rule) => {
    await writeFile(path('broken.json'), text);
    const { exit, stderr } = await confirm('a', path('broken.json'));
    expect(exit).toBe(78);
    expect(stderr).toContain(rule);
  });
});

describe('the comparison of spoken words', () => {
  const word = fc.stringMatching(/^[a-z]{3,8}$/);
  const words = fc.array(word, { minLength: 6, maxLength: 6 });
  const gap = fc.constantFrom(' ', '  ', ', ', '\n', ' - ', '\t', '.');

  test('forgives case and what stands between words', () => {
    fc.assert(
      fc.property(words, gap, gap, (list, between, around) => {
        const heard = around + list.map((item, i) => (i % 2 === 0 ? item.toUpperCase() : item)).join(between) + around;
        return sameWords(heard, list.join(' '));
      }),
    );
  });

  test('forgives nothing else', () => {
    fc.assert(fc.property(words, words, (a, b) => sameWords(a.join(' '), b.join(' ')) === (a.join() === b.join())));
    expect(sameWords('ab cd', 'abc d')).toBe(false);
    expect(sameWords('abcd', 'ab cd')).toBe(false);
  });
});
