import { randomBytes } from 'node:crypto';
import { concatBytes, toHex, utf8 } from '../../core/bytes.ts';
import { ReportData } from '../report-data.ts';
import { mustCarry, type EvidenceCollector } from './hardware-attester.ts';
import type { PseudoFiles } from './pseudo-files.ts';
import { refusedBySystem, systemCode, unavailable } from './unavailable.ts';
import { Disturbed, whileBusy, type Pause } from './while-busy.ts';

export const TSM_REPORTS = '/sys/kernel/config/tsm/report';
export const TSM_ABSENT = `Linux 6.7 or newer with CONFIG_TSM_REPORTS, inside a confidential guest, with configfs mounted`;
const MAX_BLOB_BYTES = 32 * 1024;
const MAX_TEXT_BYTES = 64;
const PROVIDERS = { tdx: 'tdx_guest', 'sev-snp': 'sev_guest' } as const;

export interface ConfigfsTsmOptions {
  readonly files: PseudoFiles;
  readonly platform: keyof typeof PROVIDERS;
  /** VMPL of an SNP report, 0 to 3; absent: what the kernel takes, and nothing is written. */
  readonly privilegeLevel?: number;
  readonly pause?: Pause;
}

/**
 * Linux's own interface (Documentation/ABI/testing/configfs-tsm-report). Evidence: the quote (TDX), or the report
 * followed by the host's certificate table (SEV-SNP).
 *
 * The kernel counts writes to an entry in `generation`; only a count that equals our own says that nobody else wrote
 * between our question and the answer. It is read before the answer as well, because the kernel drops the error of a
 * binary attribute's write.
 */
export function configfsTsm({ files, platform, privilegeLevel, pause }: ConfigfsTsmOptions): EvidenceCollector {
  return {
    platform,
    async collect(reportData) {
      const inblob = ReportData.bytesOf(reportData);
      try {
        return await whileBusy(() => inEntry(files, (entry) => ask(entry, inblob)), pause);
      } catch (fault) {
        if (fault instanceof Disturbed)
          throw unavailable(TSM_REPORTS, fault.message, 'let no other program write there');
        throw refusedBySystem(fault, TSM_REPORTS, `needs ${TSM_ABSENT}`);
      }
    },
  };

  async function ask(entry: string, inblob: Uint8Array): Promise<Uint8Array> {
    const provider = await text(files, `${entry}/provider`);
    if (provider !== PROVIDERS[platform]) {
      const next = `configure the platform that this guest runs on: ${platform} needs ${PROVIDERS[platform]}`;
      throw unavailable(`${TSM_REPORTS}/…/provider`, `"${provider}"`, next);
    }
    let writes = 0;
    if (privilegeLevel !== undefined) {
      const floor = Number(await text(files, `${entry}/privlevel_floor`));
      if (privilegeLevel < floor) {
        const next = `ask for ${floor} or more, and allow that VMPL in the policy`;
        throw unavailable(`${TSM_REPORTS}/…/privlevel`, `${privilegeLevel} is below the floor ${floor}`, next);
      }
      await files.write(`${entry}/privlevel`, utf8(`${privilegeLevel}`));
      writes += 1;
    }
    await files.write(`${entry}/inblob`, inblob);
    writes += 1;
    await generationIs(entry, writes);
    const outblob = await files.read(`${entry}/outblob`, MAX_BLOB_BYTES);
    const auxblob = platform === 'sev-snp' ? await optional(`${entry}/auxblob`) : new Uint8Array();
    await generationIs(entry, writes);
    if (outblob.length === 0) {
      const next = platform === 'tdx' ? "look at the host's quote generation service" : 'look at the firmware';
      throw unavailable(`${TSM_REPORTS}/…/outblob`, 'empty', next);
    }
    mustCarry(outblob, inblob, `${TSM_REPORTS}/…/outblob`);
    return concatBytes(outblob, auxblob);
  }

  async function generationIs(entry: string, writes: number): Promise<void> {
    const generation = await text(files, `${entry}/generation`);
    if (generation !== `${writes}`) throw new Disturbed(`generation ${generation} after ${writes} writes of ours`);
  }

  async function optional(path: string): Promise<Uint8Array> {
    try {
      return await files.read(path, MAX_BLOB_BYTES);
    } catch (fault) {
      if (systemCode(fault) === 'ENOENT') return new Uint8Array();
      throw fault;
    }
  }
}

/** What the kernel says its provider is, without asking it to attest anything. Rejects with the system's error. */
export const tsmProvider = (files: PseudoFiles): Promise<string> =>
  inEntry(files, (entry) => text(files, `${entry}/provider`));

/** An entry of a name of its own, removed afterwards whatever happened. */
async function inEntry<T>(files: PseudoFiles, use: (entry: string) => Promise<T>): Promise<T> {
  const entry = `${TSM_REPORTS}/consilium-${toHex(randomBytes(8))}`;
  await files.makeFolder(entry);
  try {
    return await use(entry);
  } finally {
    await files.removeFolder(entry);
  }
}

const text = async (files: PseudoFiles, path: string): Promise<string> =>
  new TextDecoder().decode(await files.read(path, MAX_TEXT_BYTES)).trim();
