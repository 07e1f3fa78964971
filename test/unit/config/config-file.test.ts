import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { loadConfig, parseConfig } from '../../../lib/config/config-file.ts';
import type { ConfigFields } from '../../../lib/config/config-fields.ts';

const folder = mkdtempSync(join(tmpdir(), 'consilium-config-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const schema = z.strictObject({
  study: z.strictObject({ id: z.string().min(3), rounds: z.number().int().positive() }),
  backend: z.enum(['wasm', 'cpu']).default('wasm'),
  sites: z.array(z.strictObject({ id: z.string(), weightCap: z.number().optional() })).optional(),
  strategy: z
    .discriminatedUnion('name', [
      z.strictObject({ name: z.literal('fedavg'), learningRate: z.number() }),
      z.strictObject({ name: z.literal('fedadam'), beta1: z.number() }),
    ])
    .optional(),
});

function problemsOf(text: string): string[] {
  const parsed = parseConfig(text, { name: 'study.yaml', schema });
  return parsed.ok ? [] : parsed.error.map(({ code, detail }) => `${code} ${detail}`);
}

const VALID = 'study:\n  id: heart\n  rounds: 20\n';

test('a valid file gives the checked value, defaults filled in', () => {
  expect(parseConfig(VALID, { name: 'study.yaml', schema })).toEqual({
    ok: true,
    value: { study: { id: 'heart', rounds: 20 }, backend: 'wasm' },
  });
});

test('every bad field is listed at once, with its line', () => {
  const text = [
    'study:',
    '  id: x',
    '  rounds: 2.5',
    'backend: wsam',
    'sites:',
    '  - id: cleveland',
    '  - weigthCap: 3',
    'roundz: 3',
  ].join('\n');
  expect(problemsOf(text)).toEqual([
    'E-CONFIG study.yaml:2: study.id: Too small: expected string to have >=3 characters',
    'E-CONFIG study.yaml:3: study.rounds: Invalid input: expected int, received number',
    'E-CONFIG study.yaml:4: backend: must be wasm or cpu; did you mean wasm?',
    'E-CONFIG study.yaml:7: sites.1.id: is missing (expected string)',
    'E-CONFIG study.yaml:7: sites.1.weigthCap: unknown key; did you mean weightCap?',
    'E-CONFIG study.yaml:8: roundz: unknown key',
  ]);
});

test.each([
  ['', ['E-CONFIG study.yaml: (document): Invalid input: expected object, received null']],
  ['- 1\n', ['E-CONFIG study.yaml: (document): Invalid input: expected object, received array']],
  ['study:\n  id: heart\n', ['E-CONFIG study.yaml:1: study.rounds: is missing (expected number)']],
  [`${VALID}bakend: cpu\n`, ['E-CONFIG study.yaml:4: bakend: unknown key; did you mean backend?']],
  [`${VALID}__proto__: {}\n`, ['E-CONFIG study.yaml:4: __proto__: unknown key']],
  [
    `${VALID}strategy: {name: fedavg, lerningRate: 1}\n`,
    [
      'E-CONFIG study.yaml:4: strategy.learningRate: is missing (expected number)',
      'E-CONFIG study.yaml:4: strategy.lerningRate: unknown key; did you mean learningRate?',
    ],
  ],
  [
    `${VALID}strategy: {learningRate: 1}\n`,
    ['E-CONFIG study.yaml:4: strategy.name: is missing (expected fedavg or fedadam)'],
  ],
  [
    `${VALID}strategy: {name: fedavgg}\n`,
    ['E-CONFIG study.yaml:4: strategy.name: must be fedavg or fedadam; did you mean fedavg?'],
  ],
])('%j is refused', (text, problems) => {
  expect(problemsOf(text)).toEqual(problems);
});

describe('a file that is not valid YAML', () => {
  test.each([
    [`${VALID}study: 3\n`, 4, 'duplicate key'],
    ['0: a\n"0": b\n', 2, 'duplicate key'],
    [`${VALID}sites: &study []\n*study : 3\n`, 5, 'duplicate key'],
    [`${VALID}? [study]\n: 3\n`, 4, 'duplicate key'],
    [`${VALID}---\n${VALID}`, 4, 'multiple docs'],
    ['study: {id: heart\n', 2, ''],
    ['study:\n\tid: heart\n', 2, 'tab as indent'],
    [`${VALID}backend: !secret cpu\n`, 4, 'tag resolve failed'],
  ])('%j is refused with its line and without its text', (text, line, reason) => {
    const problems = problemsOf(text);
    expect(problems[0]).toContain(`E-CONFIG study.yaml:${line}: not valid YAML: ${reason}`);
    expect(problems.join()).not.toMatch(/heart|secret/);
  });

  test('an alias without its anchor is refused', () => {
    expect(problemsOf(`${VALID}backend: *nowhere\n`)).toEqual([
      'E-CONFIG study.yaml: not valid YAML: an alias leads nowhere, or aliases repeat too much',
    ]);
  });

  test('aliases that grow without bound are refused quickly', () => {
    const levels = Array.from({ length: 12 }, (_, level) =>
      level === 0
        ? 'a0: &a0 [x, x, x, x, x, x, x, x, x]'
        : `a${level}: &a${level} [${Array(9)
            .fill(`*a${level - 1}`)
            .join(', ')}]`,
    );
    expect(problemsOf(levels.join('\n')).join()).toContain('aliases repeat too much');
  });
});

test('no message holds a value of the file', () => {
  const canary = 'hunter2-Jansen';
  const texts = [
    `study: ${canary}\n`,
    `${VALID}backend: ${canary}\n`,
    `study:\n  id: heart\n  rounds: "${canary}"\n`,
    `${VALID}sites: [{id: [${canary}]}]\n`,
    `${VALID}backend: "${canary}\n`,
    `${VALID}strategy: {name: ${canary}}\n`,
  ];
  for (const text of texts) {
    expect(problemsOf(text)).not.toEqual([]);
    expect(problemsOf(text).join()).not.toContain(canary);
  }
});

describe('files named by the file', () => {
  const withFiles = (fields: ConfigFields): z.ZodType<{ data: string; key: string }> =>
    z.strictObject({ data: fields.path, key: fields.secretFile });

  function configWith(key: string): string {
    const path = join(folder, 'sub', 'site.yaml');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `data: ../data.csv\nkey: ${JSON.stringify(key)}\n`);
    return path;
  }

  async function refusalFor(key: string): Promise<string> {
    const loaded = await loadConfig(configWith(key), withFiles);
    if (loaded.ok) throw new Error('accepted');
    return loaded.error.map(({ detail }) => detail).join();
  }

  test('are found from its own folder, not from the working directory', async () => {
    const path = configWith('org.key');
    writeFileSync(join(folder, 'sub', 'org.key'), 'secret', { mode: 0o600 });
    expect(await loadConfig(path, withFiles)).toEqual({
      ok: true,
      value: { data: join(folder, 'data.csv'), key: join(folder, 'sub', 'org.key') },
    });
  });

  test.each([
    ['-----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----'],
    ['9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'],
    ['nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A='],
  ])('a secret in place of its file is refused and not repeated', async (secret) => {
    const detail = await refusalFor(secret);
    expect(detail).toContain(':2: key: must be the path of a file');
    expect(detail).not.toContain(secret.slice(0, 16));
  });

  test.skipIf(process.platform === 'win32')(
    'a secret that others can read, is missing or is a folder is refused',
    async () => {
      const key = join(folder, 'sub', 'loose.key');
      writeFileSync(key, 'secret');
      chmodSync(key, 0o640);
      expect(await refusalFor('loose.key')).toContain('readable by its owner only');
      symlinkSync(key, join(folder, 'sub', 'link.key'));
      expect(await refusalFor('link.key')).toContain('readable by its owner only');
      expect(await refusalFor('nowhere.key')).toContain('no such file');
      expect(await refusalFor('.')).toContain('is not a file');
    },
  );
});

test.each([
  ['nowhere.yaml', 'there is no such file'],
  ['.', 'this is a folder'],
])('%s cannot be read and is refused, not thrown', async (name, why) => {
  const loaded = await loadConfig(join(folder, name), () => schema);
  expect(loaded).toMatchObject({ ok: false, error: [{ code: 'E-CONFIG' }] });
  expect(loaded.ok ? '' : loaded.error[0].detail).toContain(why);
});

test('a file that is far too large is refused before it is read', async () => {
  const path = join(folder, 'large.yaml');
  writeFileSync(path, Buffer.alloc((1 << 20) + 1, 'x'));
  expect(await loadConfig(path, () => schema)).toMatchObject({ ok: false, error: [{ code: 'E-CONFIG' }] });
});
