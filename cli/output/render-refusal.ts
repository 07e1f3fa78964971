import { styleText } from 'node:util';
import { ERRORS, type Refusal } from '../../lib/core/errors.ts';
import { printable, wrapped } from './printable.ts';

interface RenderOptions {
  readonly columns: number;
  readonly color: boolean;
}

type Refusals = readonly [Refusal, ...Refusal[]];

const WIDEST = 100;
const LABEL_COLUMNS = 15;

/**
 * For people, one block per code: what happened, what it means for patient data, what to do next, the code.
 * Refusals with the same code share a block and are listed in it.
 */
export function renderRefusals(refusals: Refusals, options: RenderOptions): string {
  const byCode = Map.groupBy(refusals, ({ code }) => code);
  return [...byCode.values()].map((group) => renderGroup(group, options)).join('\n');
}

function renderGroup(group: readonly Refusal[], { columns, color }: RenderOptions): string {
  const first = group[0];
  if (first === undefined) return '';
  const { what, patientData, next, exit } = ERRORS[first.code];
  const width = Math.max(40, Math.min(columns, WIDEST)) - 1;
  const bold = (text: string): string => (color ? styleText('bold', text, { validateStream: false }) : text);
  const labelled = (label: string, text: string): string =>
    wrapped(printable(text), width - LABEL_COLUMNS)
      .map((line, index) => (index === 0 ? bold(label.padEnd(LABEL_COLUMNS)) : ' '.repeat(LABEL_COLUMNS)) + line)
      .join('\n');
  const found = group.flatMap(findings);
  return [
    labelled('Error', what),
    ...found.map((text, index) => labelled(index === 0 ? 'Found' : '', text)),
    labelled('Patient data', patientData),
    labelled('What to do', next),
    labelled('Code', `${first.code} (exit ${exit}); more: consilium errors ${first.code}`),
    '',
  ].join('\n');
}

function findings({ detail, got, want }: Refusal): string[] {
  const compared = got === undefined ? '' : `got ${got}, wanted ${want ?? 'something else'}`;
  const text = [detail, compared].filter((part) => part !== '').join(': ');
  return text === '' ? [] : [text];
}

/** For programs: one line; the fields of the first refusal, and all of them under `refusals`. */
export function refusalsAsJson(refusals: Refusals): string {
  const [{ code, detail, got, want }] = refusals;
  const { what, patientData, next, retryable, exit } = ERRORS[code];
  const compared = got === undefined ? {} : { got, want: want ?? null };
  return JSON.stringify({
    type: 'error',
    code,
    what,
    detail,
    ...compared,
    patientData,
    next,
    retryable,
    exit,
    refusals,
  });
}
