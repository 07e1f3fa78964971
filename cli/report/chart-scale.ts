/** Maps values to drawing units along one axis. */
export interface Scale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

interface AxisRange {
  /** Drawing units of the lowest and the highest value. */
  readonly from: number;
  readonly to: number;
  /** About how many ticks. */
  readonly ticks: number;
}

/** Values that differ by less than this share of their size are drawn as one: ticks have 12 digits to show. */
const FLAT = 1e-6;

/** An axis that begins and ends on round numbers (1, 2 or 5 times a power of ten apart) around `values`. */
export function niceScale(values: readonly number[], { from, to, ticks }: AxisRange): Scale {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const size = Math.max(Math.abs(low), Math.abs(high));
  const spread = high - low > FLAT * size ? high - low : size || 1;
  const step = niceStep(spread / ticks);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  // Ticks are made from whole numbers: adding steps up would leave 0.30000000000000004.
  const marks = Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(12)),
  );
  return { ticks: marks, at: linear({ low: first * step, high: last * step, from, to }) };
}

/** An axis of whole numbers from the first to the last, such as rounds. */
export function countScale(first: number, last: number, { from, to, ticks }: AxisRange): Scale {
  const step = Math.max(1, niceStep((last - first) / ticks));
  const marks = [first];
  for (let mark = Math.ceil((first + 1) / step) * step; mark <= last; mark += step) {
    if (mark - first > step / 2) marks.push(mark);
  }
  const low = first === last ? first - 1 : first;
  return { ticks: marks, at: linear({ low, high: first === last ? last + 1 : last, from, to }) };
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((candidate) => rough <= candidate * power * (1 + 1e-9)) ?? 10;
  return factor * power;
}

const linear =
  ({ low, high, from, to }: { low: number; high: number; from: number; to: number }) =>
  (value: number): number =>
    from + ((value - low) / (high - low)) * (to - from);

/** Drawing units with one decimal: small files that are the same on every machine. */
export const units = (value: number): string => String(Math.round(value * 10) / 10);

/** Digits after the point that tell neighbouring ticks apart. */
export function tickDigits(ticks: readonly number[]): number {
  const step = (ticks[1] ?? 1) - (ticks[0] ?? 0);
  return Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
}
