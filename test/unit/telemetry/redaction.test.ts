import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import type { LogFields } from '../../../lib/telemetry/log-fields.ts';
import { captureLog } from './capture-log.ts';

/** Values as they stand in patients' records; none may come out of any log. */
const CANARIES = [
  'Wilhelmina van der Berg-Jansen',
  'MRN 0099-4471-X',
  '1953-04-12',
  'Stage IIIB adenocarcinoma',
  'jansen@example.org',
  '+31 6 1234 5678',
  '139.4471',
] as const;

const untyped = (fields: object): LogFields => fields;

function expectNoCanary(text: string): void {
  for (const canary of CANARIES) expect(text).not.toContain(canary);
  expect(text).not.toMatch(/jansen|adenocarcinoma|4471/i);
}

/** Real errors of real parsers and databases that quote their input. */
function realFaults(canary: string): unknown[] {
  const thrownBy = (work: () => unknown): unknown => {
    try {
      work();
    } catch (fault) {
      return fault;
    }
    throw new Error('the work was meant to fail');
  };
  return [
    thrownBy(() => JSON.parse(`{"name": ${canary}`)),
    thrownBy(() => {
      new DatabaseSync(':memory:').exec(`SELECT "${canary}" FROM "${canary}"`);
    }),
    thrownBy(() => BigInt(`x${canary}`)),
    thrownBy(() => new URL(`:${canary}`)),
    thrownBy(() => {
      (undefined as unknown as Record<string, () => void>)[canary]?.();
    }),
  ];
}

describe.each(CANARIES)('the patient value %j', (canary) => {
  test.each(realFaults(canary).map((fault, index) => ({ index, fault })))(
    'does not come out of a real error ($index), nor out of its causes',
    ({ fault }) => {
      const { logger, text, lines } = captureLog();
      logger.error('file.rejected', {}, fault);
      logger.error('file.rejected', {}, new Error(canary, { cause: new TypeError(canary, { cause: fault }) }));
      logger.warn('file.rejected', {}, new AggregateError([fault, canary, { canary }], canary));
      logger.error('file.rejected', {}, new RefusalError(refusal('E-DATA-FILE', 'row 3, column chol')));
      expectNoCanary(text());
      expect(lines()).toHaveLength(4);
    },
  );

  test('does not come out of an error dressed up to look safe', () => {
    const { logger, text } = captureLog();
    const dressed = new Error('quiet');
    Object.assign(dressed, { name: canary, code: canary, syscall: canary, path: canary, row: { name: canary } });
    logger.error('file.rejected', {}, dressed);
    const framed = new Error(`x\n    at ${canary} (/data/${canary}.ts:1:1)\n    at y (${canary}.ts:1:1)`);
    logger.error('file.rejected', {}, framed);
    const later = new Error('before');
    later.stack = `Error: ${canary}\n    at ${canary} (a.ts:1:1)`;
    logger.error('file.rejected', {}, later);
    for (const thrown of [canary, [canary], { message: canary }, Symbol(canary), () => canary]) {
      logger.error('file.rejected', {}, thrown);
    }
    expectNoCanary(text());
  });

  test('does not come out of fields, whatever their name, depth or type', () => {
    const { logger, text, lines } = captureLog();
    logger.info('row.read', untyped({ name: canary, patient: { name: canary }, [canary]: 1, rows: canary }));
    logger.info('row.read', untyped({ site: canary, phase: canary, code: canary, address: canary, version: canary }));
    logger.info('row.read', untyped({ model: Buffer.from(canary), round: [canary], rows: { toJSON: () => canary } }));
    logger.info('row.read', untyped({ rows: { valueOf: () => canary }, phase: new String(canary), open: canary }));
    logger.with(untyped({ patient: canary, site: canary })).info(canary, { round: 3 });
    expectNoCanary(text());
    expect(lines().map((line) => line['dropped'])).toEqual([4, 5, 3, 3, 2]);
  });
});

test('no free text of any kind passes a field', () => {
  const { logger, text } = captureLog();
  const marked = fc.string({ unit: 'binary', minLength: 0, maxLength: 30 }).map((rest) => `Zz9 ${rest}`);
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('site', 'phase', 'code', 'note', 'study', 'address'), marked),
      (fields) => {
        logger.info('row.read', untyped(fields));
      },
    ),
  );
  expect(text()).not.toContain('Zz9');
});

test('a field that throws when read, or a proxy, neither passes nor breaks the program', () => {
  const { logger, lines } = captureLog();
  const throwing = Object.defineProperty({}, 'site', {
    enumerable: true,
    get: () => {
      throw new Error('Jansen');
    },
  });
  logger.info('row.read', untyped(throwing));
  const hostile = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('Jansen');
      },
    },
  );
  logger.info('row.read', untyped(hostile));
  logger.error(
    'row.read',
    {},
    new Proxy(new Error('Jansen'), {
      getPrototypeOf: () => {
        throw new Error('Jansen');
      },
    }),
  );
  expect(lines()).toHaveLength(3);
  expect(JSON.stringify(lines())).not.toContain('Jansen');
});
