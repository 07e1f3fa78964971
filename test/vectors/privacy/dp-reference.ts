import { existsSync, readFileSync } from 'node:fs';

/** Beside the repository; not part of it (see dp-reference.schema.md there). */
const FILE = new URL('../../../../shared/reference/dp-reference.json', import.meta.url);

export const dpReferenceAbsent = !existsSync(FILE);
if (dpReferenceAbsent) console.warn('SKIPPED: ../shared/reference is absent; the accountants are not checked');

export interface ReferenceEvent {
  readonly mechanism: string;
  readonly params: Readonly<Record<string, number | null>>;
  readonly count: number | null;
}

export interface ReferenceRow {
  readonly id: string;
  readonly events: readonly ReferenceEvent[];
  readonly question: {
    readonly kind: string;
    readonly delta?: number;
    readonly epsilon?: number;
    readonly order?: number;
    readonly groupSize?: number;
    readonly mustMeetTarget?: true;
  };
  readonly answer: number;
  readonly accountantId: string;
  readonly orders?: readonly number[];
  readonly ordersGrid?: { readonly from: number; readonly to: number; readonly step: number };
  readonly relation: string;
  readonly truth?: number;
  readonly truthAccountantId?: string;
  readonly lower?: number;
  readonly wrong?: number;
  readonly tol: { readonly abs: number; readonly rel: number };
}

export const readDpReference = (): readonly ReferenceRow[] =>
  JSON.parse(readFileSync(FILE, 'utf8')) as readonly ReferenceRow[];

/** What an accountant is held to: the truth where a row is a trap. */
export const centreOf = ({ truth, answer }: ReferenceRow): number => truth ?? answer;

export const toleranceOf = (row: ReferenceRow): number => row.tol.abs + row.tol.rel * Math.abs(centreOf(row));

/** The exact orders of a row. */
export function ordersOf({ orders, ordersGrid }: ReferenceRow): readonly number[] {
  if (ordersGrid === undefined) return orders ?? [];
  const { from, to, step } = ordersGrid;
  return Array.from({ length: Math.round((to - from) / step) + 1 }, (_, i) => from + i * step);
}
