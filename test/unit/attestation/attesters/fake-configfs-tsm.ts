import type { PseudoFiles } from '../../../../lib/attestation/attesters/pseudo-files.ts';

/** What goes wrong, and when; numbers count down. */
export interface Disturbances {
  /** Reads of outblob that answer EBUSY. */
  busyReads?: number;
  /** Writes of inblob whose EBUSY the kernel drops when the file is closed (configfs_release_bin_file). */
  droppedWrites?: number;
  /** Another program writes its own question to the same entry after ours, or between report and certificates. */
  racesAfterWrite?: number;
  racesAfterRead?: number;
  /** Kernel's answer to making an entry. */
  refusesEntries?: string;
}

export interface FakeTsm {
  readonly files: PseudoFiles;
  /** Entries that exist now: none may be left behind. */
  readonly entries: ReadonlyMap<string, unknown>;
  readonly made: string[];
  readonly questions: Uint8Array[];
  readonly disturbances: Disturbances;
}

export interface FakeTsmOptions {
  readonly provider: 'tdx_guest' | 'sev_guest';
  /** Called when outblob is read and the cached report is of another generation, as in drivers/virt/coco. */
  readonly report: (inblob: Uint8Array, privilegeLevel: number | null) => Uint8Array;
  readonly auxblob?: Uint8Array;
  readonly floor?: number;
  readonly disturbances?: Disturbances;
}

interface Entry {
  generation: number;
  readGeneration: number;
  inblob: Uint8Array | null;
  privilegeLevel: number | null;
  outblob: Uint8Array;
}

const ROOT = '/sys/kernel/config/tsm/report';
const system = (code: string): Error => Object.assign(new Error(code), { code });
const left = (count: number | undefined): boolean => (count ?? 0) > 0;

/**
 * configfs-tsm as Linux does it: writes count up `generation`, reading outblob makes the report, the cache is of one
 * generation. One entry per made folder; attributes are neither created nor removed by anybody.
 */
export function fakeConfigfsTsm(options: FakeTsmOptions): FakeTsm {
  const entries = new Map<string, Entry>();
  const made: string[] = [];
  const questions: Uint8Array[] = [];
  const disturbances: Disturbances = options.disturbances ?? {};
  const sev = options.provider === 'sev_guest';

  const at = (path: string): { entry: Entry; attribute: string } => {
    const [, name = '', attribute = ''] = new RegExp(`^${ROOT}/([^/]+)/([a-z_]+)$`).exec(path) ?? [];
    const entry = entries.get(name);
    if (entry === undefined) throw system('ENOENT');
    return { entry, attribute };
  };
  const write = (entry: Entry, inblob: Uint8Array): void => {
    entry.inblob = inblob.slice();
    entry.generation += 1;
  };
  const race = (entry: Entry): void => {
    write(entry, new Uint8Array(64).fill(0xee));
  };

  const files: PseudoFiles = {
    async makeFolder(path) {
      if (disturbances.refusesEntries !== undefined) throw system(disturbances.refusesEntries);
      const name = path.slice(ROOT.length + 1);
      if (!path.startsWith(`${ROOT}/`) || name.includes('/')) throw system('ENOENT');
      if (entries.has(name)) throw system('EEXIST');
      made.push(name);
      entries.set(name, {
        generation: 0,
        readGeneration: 0,
        inblob: null,
        privilegeLevel: null,
        outblob: new Uint8Array(),
      });
    },
    async removeFolder(path) {
      if (!entries.delete(path.slice(ROOT.length + 1))) throw system('ENOENT');
    },
    async mayUse() {
      throw system('ENOENT');
    },
    async write(path, bytes) {
      const { entry, attribute } = at(path);
      if (attribute === 'privlevel' && sev) {
        const level = Number(new TextDecoder().decode(bytes));
        if (!(level >= (options.floor ?? 0) && level <= 3)) throw system('EINVAL');
        entry.privilegeLevel = level;
        entry.generation += 1;
      } else if (attribute === 'inblob') {
        if (bytes.length > 64) throw system('EFBIG');
        questions.push(bytes.slice());
        if (left(disturbances.droppedWrites)) {
          disturbances.droppedWrites = (disturbances.droppedWrites ?? 0) - 1;
          return;
        }
        write(entry, bytes);
        if (left(disturbances.racesAfterWrite)) {
          disturbances.racesAfterWrite = (disturbances.racesAfterWrite ?? 0) - 1;
          race(entry);
        }
      } else throw system(['outblob', 'auxblob', 'generation', 'provider'].includes(attribute) ? 'EACCES' : 'ENOENT');
    },
    async read(path, maxBytes) {
      const { entry, attribute } = at(path);
      const text = (value: unknown): Uint8Array => new TextEncoder().encode(`${String(value)}\n`);
      if (attribute === 'provider') return text(options.provider);
      if (attribute === 'generation') return text(entry.generation);
      if (attribute === 'privlevel_floor' && sev) return text(options.floor ?? 0);
      if (attribute === 'inblob' || attribute === 'privlevel') throw system('EACCES');
      if (attribute !== 'outblob' && !(attribute === 'auxblob' && sev)) throw system('ENOENT');
      if (entry.inblob === null) throw system('EINVAL');
      if (attribute === 'outblob' && left(disturbances.busyReads)) {
        disturbances.busyReads = (disturbances.busyReads ?? 0) - 1;
        throw system('EBUSY');
      }
      if (entry.readGeneration !== entry.generation) {
        entry.outblob = options.report(entry.inblob, entry.privilegeLevel);
        entry.readGeneration = entry.generation;
      }
      const blob = attribute === 'outblob' ? entry.outblob : (options.auxblob ?? new Uint8Array());
      if (attribute === 'outblob' && left(disturbances.racesAfterRead)) {
        disturbances.racesAfterRead = (disturbances.racesAfterRead ?? 0) - 1;
        race(entry);
      }
      if (blob.length > maxBytes) throw system('EFBIG');
      return blob.slice();
    },
  };
  return { files, entries, made, questions, disturbances };
}

/** A real report with another question in it: what a machine would answer, but for the signature. */
export function withReportData(report: Uint8Array, offset: number, reportData: Uint8Array): Uint8Array {
  const out = report.slice();
  out.set(reportData, offset);
  return out;
}
