import { describe, expect, test } from 'vitest';
import type { ProgressEvent } from '../../../cli/output/progress-event.ts';
import { createProgress } from '../../../cli/output/progress.ts';
import { memoryIo, type MemoryIo } from './memory-io.ts';
import { Screen } from './screen.ts';

const RUN: readonly ProgressEvent[] = [
  { type: 'phase', text: 'Starting 6 programs' },
  { type: 'process', name: 'coordinator', state: 'started', detail: 'pid 812' },
  { type: 'round', round: 1, rounds: 4, attempt: 1, phase: 'open' },
  { type: 'site', site: 'cleveland', round: 1, step: 'training' },
  { type: 'site', site: 'va', round: 1, step: 'update sent' },
  { type: 'fault', asked: '--kill va@1', state: 'struck', round: 1, detail: 'va killed: round 1, attempt 1, upload' },
  { type: 'aborted', round: 1, attempt: 1, code: 'E-COHORT-TOO-SMALL' },
  { type: 'process', name: 'site va', state: 'died' },
  { type: 'round', round: 1, rounds: 4, attempt: 2, phase: 'open' },
  { type: 'released', round: 1, ms: 412.4, loss: 0.43124, auc: 0.8713 },
  { type: 'round', round: 2, rounds: 4, attempt: 1, phase: 'collecting' },
  { type: 'site', site: 'va', round: 2, step: 'training' },
];

const LASTING = [
  'Starting 6 programs',
  '  coordinator started (pid 812)',
  '  fault struck: --kill va@1 (va killed: round 1, attempt 1, upload)',
  '  round   1  attempt 1 aborted: E-COHORT-TOO-SMALL',
  '  site va died',
  '  round   1  released      412 ms   loss 0.4312   AUC 0.8713',
];

function show(
  io: MemoryIo,
  options: { json?: boolean; events?: readonly ProgressEvent[]; close?: boolean } = {},
): void {
  const progress = createProgress(io, { json: options.json ?? false });
  for (const event of options.events ?? RUN) progress.show(event);
  if (options.close ?? false) progress.close();
}

test('with --json every event is one line on stdout and nothing else', () => {
  const io = memoryIo({ isTTY: true });
  show(io, { json: true });
  expect(
    io.written
      .stdout()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual(RUN);
  expect(io.written.stderr()).toBe('');
});

test.each([{ isTTY: false }, { isTTY: true, env: { TERM: 'dumb' } }])('plain lines on %j', (options) => {
  const io = memoryIo(options);
  show(io);
  expect(io.written.stderr()).toBe(`${LASTING.join('\n')}\n`);
  expect(io.written.stdout()).toBe('');
});

describe('live display', () => {
  function screenAfter(options: {
    columns?: number;
    rows?: number;
    events?: readonly ProgressEvent[];
    close?: boolean;
  }): string {
    const { columns = 80, rows = 24, ...rest } = options;
    const io = memoryIo({ isTTY: true, columns, rows });
    show(io, rest);
    const screen = new Screen(columns);
    screen.write(io.written.stderr());
    return screen.text();
  }

  test('shows what stays, then the round and one line for each site as they are now', () => {
    expect(screenAfter({}).split('\n')).toEqual([
      ...LASTING,
      '  round 2 of 4  [======..................]  collecting',
      '    cleveland  waiting',
      '    va         training',
    ]);
  });

  test('a new attempt is counted, and its sites start over', () => {
    expect(
      screenAfter({ events: RUN.slice(0, 9) })
        .split('\n')
        .slice(-3),
    ).toEqual([
      '  round 1 of 4, attempt 2  [........................]  open',
      '    cleveland  waiting',
      '    va         waiting',
    ]);
  });

  test('leaves only what stays when it closes', () => {
    expect(screenAfter({ close: true }).split('\n')).toEqual(LASTING);
  });

  test.each([20, 33, 41, 80])('never wraps on a terminal of %i columns, so that nothing is drawn twice', (columns) => {
    const live = RUN.filter(({ type }) => type === 'round' || type === 'site');
    const lines = screenAfter({ columns, events: live }).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^ {2}round 2 of 4/);
  });

  test('a hundred sites do not outgrow the screen', () => {
    const sites = Array.from({ length: 100 }, (_, index): ProgressEvent => ({
      type: 'site',
      site: `site-${index}`,
      round: 2,
      step: 'training',
    }));
    const lines = screenAfter({ rows: 12, events: [...RUN, ...sites] })
      .split('\n')
      .slice(LASTING.length);
    expect(lines).toHaveLength(9);
    expect(lines.at(-1)).toBe('    and 95 more');
  });

  test('a hostile name cannot steer the terminal', () => {
    const io = memoryIo({ isTTY: true, env: { NO_COLOR: '1' } });
    show(io, {
      events: [
        { type: 'round', round: 1, rounds: 1, attempt: 1, phase: '\u001b[31mred' },
        { type: 'site', site: 'evil\u001b[2J', round: 1, step: '\r\nx' },
        { type: 'phase', text: '\u001b]0;title\u0007' },
      ],
    });
    // eslint-disable-next-line no-control-regex -- exactly the two controls of the display itself
    expect(io.written.stderr().replaceAll(/\u001b\[\d+[AJ]|[\r\n]/g, '')).not.toMatch(/[\u0000-\u001f]/);
  });

  test('events after close are ignored', () => {
    const io = memoryIo({ isTTY: true });
    const progress = createProgress(io, { json: false });
    progress.close();
    const before = io.written.stderr();
    progress.show({ type: 'phase', text: 'late' });
    expect(io.written.stderr()).toBe(before);
  });
});
