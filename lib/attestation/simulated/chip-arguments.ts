import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fromHex } from '../../core/bytes.ts';
import { refusal, type Refusal } from '../../core/errors.ts';
import { instant, type Digest, type Instant } from '../../core/ids.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Role } from '../claims.ts';
import type { ChipLies } from './chip.ts';

/** The program to start with `process.execPath` for a simulated chip. */
export const chipMainPath = fileURLToPath(new URL('./chip-main.ts', import.meta.url));

export interface ChipArguments {
  /** Path of a file of 32 bytes, mode 0600. The seed itself never stands on a command line. */
  readonly rootSeedFile: string;
  readonly instance: string;
  readonly role: Role;
  readonly entry: string;
  readonly repositoryRoot: string;
  /** Each `name=value` with name measurement (hex), debug (true), instance, svn, role or certificate-until (ms). */
  readonly lies: readonly string[];
  readonly programArguments: readonly string[];
  /** Every quote bears this time; absent: the chip's own clock. */
  readonly fixedTime?: Instant;
}

/** Arguments for Node that start the chip and, under it, the program. */
export function chipCommandLine(wanted: ChipArguments): string[] {
  const { rootSeedFile, instance, role, entry, repositoryRoot, lies, programArguments, fixedTime } = wanted;
  const flags = { 'root-seed-file': rootSeedFile, instance, role, entry, 'repository-root': repositoryRoot };
  return [
    chipMainPath,
    ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    ...lies.map((lie) => `--lie=${lie}`),
    ...(fixedTime === undefined ? [] : [`--fixed-time=${fixedTime}`]),
    '--',
    ...programArguments,
  ];
}

/** Total: E-USAGE for anything but what `chipCommandLine` makes. */
export function parseChipArguments(args: readonly string[]): Result<ChipArguments, Refusal> {
  const usage = (detail: string): Result<never, Refusal> => err(refusal('E-USAGE', detail));
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: true,
      options: {
        'root-seed-file': { type: 'string' },
        instance: { type: 'string' },
        role: { type: 'string' },
        entry: { type: 'string' },
        'repository-root': { type: 'string' },
        lie: { type: 'string', multiple: true },
        'fixed-time': { type: 'string' },
      },
    });
    const { 'root-seed-file': rootSeedFile, instance, role, entry, 'repository-root': repositoryRoot } = values;
    if (rootSeedFile === undefined || instance === undefined || entry === undefined || repositoryRoot === undefined) {
      return usage('--root-seed-file, --instance, --role, --entry and --repository-root are required');
    }
    if (!isRole(role)) return usage('--role is enclave or site');
    const { lie: lies = [], 'fixed-time': fixed } = values;
    if (fixed !== undefined && !isCount(fixed)) return usage('--fixed-time is in milliseconds since 1970');
    const fixedTime = fixed === undefined ? {} : { fixedTime: instant(Number(fixed)) };
    return ok({
      rootSeedFile,
      instance,
      role,
      entry,
      repositoryRoot,
      lies,
      programArguments: positionals,
      ...fixedTime,
    });
  } catch (fault) {
    return usage(fault instanceof Error ? fault.message : 'the command line is not valid');
  }
}

/** Total: E-USAGE names the lie that is not understood. */
export function parseLies(texts: readonly string[]): Result<ChipLies, Refusal> {
  let lies: ChipLies = {};
  for (const text of texts) {
    const [name = '', value = ''] = text.split(/=(.*)/s, 2);
    const lie = parseLie(name, value);
    if (lie === null) return err(refusal('E-USAGE', `--lie: not understood: ${name}`));
    lies = { ...lies, ...lie };
  }
  return ok(lies);
}

function parseLie(name: string, value: string): ChipLies | null {
  switch (name) {
    case 'measurement': {
      const measurement = fromHex(value);
      return measurement?.length === 32 ? { measurement: measurement as Digest } : null;
    }
    case 'debug':
      return value === 'true' ? { debug: true } : null;
    case 'instance':
      return value === '' ? null : { instance: value };
    case 'svn':
      return isCount(value) ? { svn: Number(value) } : null;
    case 'role':
      return isRole(value) ? { role: value } : null;
    case 'certificate-until':
      return isCount(value) ? { certificateUntil: instant(Number(value)) } : null;
    default:
      return null;
  }
}

const isRole = (text: string | undefined): text is Role => text === 'enclave' || text === 'site';
const isCount = (text: string): boolean => /^\d{1,15}$/.test(text);
