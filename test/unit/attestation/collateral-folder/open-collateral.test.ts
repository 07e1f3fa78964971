import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { acceptItems } from '../../../../lib/attestation/collateral/collateral-state.ts';
import type { CollateralItem } from '../../../../lib/attestation/collateral/collateral.ts';
import { updateFolder } from '../../../../lib/attestation/collateral-folder/collateral-folder.ts';
import type { CollateralSource } from '../../../../lib/attestation/hardware-verifier.ts';
import { openCollateral } from '../../../../lib/attestation/collateral-folder/open-collateral.ts';
import { intelAuthority, tcbInfo } from '../../../authorities/intel-authority.ts';

const intel = intelAuthority();
const base = mkdtempSync(join(tmpdir(), 'consilium-open-'));
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});

const issued = (day: number): number => Date.UTC(2026, 5, day);
const info = (day: number): CollateralItem =>
  tcbInfo(intel, {
    overrides: {
      issueDate: new Date(issued(day)).toISOString().replace('.000', ''),
      nextUpdate: new Date(issued(day + 30)).toISOString().replace('.000', ''),
    },
  });
function store(folder: string, ...items: readonly CollateralItem[]): void {
  updateFolder(folder, (state) => {
    const accepted = acceptItems(state, items, intel.roots);
    if (!accepted.ok) throw new Error(accepted.error[0]?.detail);
    return { state: accepted.value.state, result: null };
  });
}

interface Opened {
  readonly source: CollateralSource;
  readonly warnings: string[];
  readonly clock: { ms: number };
}
function open(folder: string, ms: number): Opened {
  const clock = { ms };
  const warnings: string[] = [];
  const source = openCollateral(folder, { now: () => clock.ms, warn: (message) => void warnings.push(message) });
  return { source, warnings, clock };
}
const infosIn = (source: CollateralSource): string[] =>
  source.current().flatMap((item) => (item.kind === 'intel-tcb-info' ? [item.text] : []));
const textOf = (item: CollateralItem): string => ('text' in item ? item.text : '');

describe('an open folder of collateral', () => {
  it('gives what is held, and what is stored later within a minute', () => {
    const folder = join(base, 'reload');
    const [first, second] = [info(1), info(2)];
    store(folder, first);
    const { source, warnings, clock } = open(folder, issued(3));
    expect([infosIn(source), source.newestSignedMs()]).toEqual([[textOf(first)], issued(1)]);
    store(folder, second);
    clock.ms += 59_999;
    expect(infosIn(source)).toEqual([textOf(first)]);
    clock.ms += 1;
    expect([infosIn(source), source.newestSignedMs()]).toEqual([[textOf(second)], issued(2)]);
    expect(warnings).toEqual([]);
  });

  it('warns once when an item is about to expire and once when it has expired', () => {
    const folder = join(base, 'expiry');
    store(folder, info(1));
    const { source, warnings, clock } = open(folder, issued(24));
    expect(warnings).toEqual([]);
    for (const day of [24.01, 24.02, 30, 31.01, 40]) {
      clock.ms = issued(1) + (day - 1) * 86_400_000;
      source.current();
    }
    expect(warnings).toEqual([
      'collateral: TCB info of SGX FMSPC 00906ed50000 PCEID 0000: expires soon (2026-07-01T00:00:00.000Z)',
      'collateral: TCB info of SGX FMSPC 00906ed50000 PCEID 0000: expired (2026-07-01T00:00:00.000Z)',
    ]);
  });

  it('keeps what it read when the folder is put back, damaged or gone, and says so once', () => {
    const folder = join(base, 'back');
    const copy = join(base, 'copy');
    const [first, second] = [info(1), info(2)];
    store(folder, first);
    cpSync(folder, copy, { recursive: true });
    store(folder, second);
    const { source, warnings, clock } = open(folder, issued(3));
    const later = (): void => {
      clock.ms += 60_000;
      expect([infosIn(source), source.newestSignedMs()]).toEqual([[textOf(second)], issued(2)]);
    };
    rmSync(folder, { recursive: true });
    later();
    later();
    cpSync(copy, folder, { recursive: true });
    later();
    later();
    // An old copy that somebody made newer in number.
    cpSync(join(copy, 'state-1.cbor'), join(folder, 'state-9.cbor'));
    later();
    writeFileSync(join(folder, 'state-10.cbor'), 'x');
    later();
    expect(warnings.map((warning) => warning.replaceAll(base, ''))).toEqual([
      expect.stringContaining('E-STORE-PATH'),
      'collateral: /back was replaced by an older copy; what was read before is kept',
      expect.stringContaining('E-STORE-DAMAGED'),
    ]);
  });

  it('cannot be opened where there is none', () => {
    expect(() => open(join(base, 'none'), 0)).toThrow(/E-STORE-PATH/);
  });
});
