import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { hash } from '../../../lib/core/hash.ts';
import { createLogger } from '../../../lib/telemetry/logger.ts';
import { captureLog } from './capture-log.ts';

test('a line holds level, UTC time, program, event and the fields', () => {
  const { logger, lines } = captureLog();
  logger.info('round.released', { round: 3, elapsedMs: 411.6, site: 'cleveland', model: hash('model'), open: false });
  expect(lines()).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      name: 'site-cleveland',
      pid: process.pid,
      event: 'round.released',
      round: 3,
      elapsedMs: 412,
      site: 'cleveland',
      model: expect.stringMatching(/^[0-9a-f]{16}…$/) as string,
      open: false,
    },
  ]);
});

test('bytes are shown only where a digest stands', () => {
  const { logger, lines } = captureLog();
  logger.info('update.received', { model: new Uint8Array(31) });
  logger.info('update.received', { round: new Uint8Array(32) as unknown as number });
  expect(lines()).toMatchObject([{ dropped: 1 }, { dropped: 1 }]);
});

test('a refusal keeps its code and its words, without control characters and cut short', () => {
  const { logger, lines } = captureLog();
  const thrown = new RefusalError(
    refusal('E-DATA-FILE', 'row 12, column chol: \u001b[2Jnot a number'),
    refusal('E-UPDATE-BOUND', 'x'.repeat(5000), { got: '9', want: 'at most 8' }),
  );
  logger.error('round.refused', { round: 1 }, thrown);
  expect(lines()[0]).toMatchObject({
    fault: {
      kind: 'refusal',
      refusals: [
        { code: 'E-DATA-FILE', detail: 'row 12, column chol:  [2Jnot a number' },
        { code: 'E-UPDATE-BOUND', detail: 'x'.repeat(200), got: '9', want: 'at most 8' },
      ],
    },
  });
});

test('any other error says its class, its system code and where it was thrown', () => {
  const { logger, lines } = captureLog();
  try {
    readFileSync('/nowhere/at/all');
  } catch (fault) {
    logger.warn('file.unreadable', {}, new RangeError('outer', { cause: fault }));
  }
  expect(lines()[0]).toMatchObject({
    level: 'warn',
    fault: {
      kind: 'error',
      name: 'RangeError',
      at: expect.arrayContaining([expect.stringMatching(/^logger\.test\.ts:\d+:\d+$/)]) as string[],
      cause: { kind: 'error', name: 'Error', code: 'ENOENT', syscall: 'open' },
    },
  });
});

test('a cause that is its own cause ends', () => {
  const { logger, lines } = captureLog();
  const fault = new Error('x');
  fault.cause = fault;
  logger.error('loop', {}, fault);
  expect(JSON.stringify(lines()[0]).match(/"cause"/g)).toHaveLength(4);
});

test('lines below the level are not written', () => {
  const written: string[] = [];
  const logger = createLogger({ name: 'x', destination: { write: (line) => void written.push(line) }, level: 'warn' });
  logger.info('no');
  logger.debug('no');
  logger.warn('yes');
  expect(written).toHaveLength(1);
});

test('fields of `with` stand on every line of that logger and on no other', () => {
  const { logger, lines } = captureLog();
  logger.with({ site: 'cleveland' }).with({ round: 2 }).info('a');
  logger.info('b');
  expect(lines()[0]).toMatchObject({ site: 'cleveland', round: 2 });
  expect(lines()[1]).not.toHaveProperty('site');
});

test('a log file is appended to, readable by its owner only', () => {
  const folder = mkdtempSync(join(tmpdir(), 'consilium-log-'));
  const file = join(folder, 'site.log');
  createLogger({ name: 'site', destination: { file }, level: 'info' }).info('first');
  createLogger({ name: 'site', destination: { file }, level: 'info' }).info('second');
  const events = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { event: string }).event);
  expect(events).toEqual(['first', 'second']);
  if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
  rmSync(folder, { recursive: true });
});

test('a log file that cannot be opened is a fault of the configuration', () => {
  const file = join(tmpdir(), 'consilium-no-such-folder', 'agent.log');
  const thrown = (): unknown => createLogger({ name: 'site', level: 'info', destination: { file } });
  expect(thrown).toThrow('E-CONFIG');
  expect(thrown).toThrow('log.file: cannot be opened (ENOENT)');
});
