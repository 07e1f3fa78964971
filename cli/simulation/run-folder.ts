import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { refusal, RefusalError } from '../../lib/core/errors.ts';

/** Where everything of one simulated run lies. */
export interface RunFolder {
  readonly root: string;
  /** Keys, configurations, stores, logs: what each party would have on its own machines. */
  readonly work: string;
  readonly summary: string;
  readonly report: string;
  readonly model: string;
  readonly passport: string;
  readonly statements: string;
  readonly contract: string;
  readonly organisationKeys: string;
  readonly roots: string;
  /** Logs of the programs, one file each. */
  readonly logs: string;
}

export function runFolder(root: string): RunFolder {
  const work = join(root, 'work');
  return {
    root,
    work,
    logs: join(work, 'logs'),
    summary: join(root, 'summary.json'),
    report: join(root, 'report.html'),
    model: join(root, 'model.cbor'),
    passport: join(root, 'passport.cbor'),
    statements: join(root, 'statements.cbor'),
    contract: join(root, 'contract.cbor'),
    organisationKeys: join(root, 'organisations.json'),
    roots: join(root, 'roots.json'),
  };
}

/** The folder of one party inside a run's work folder. */
export const partyFolder = (folder: RunFolder, party: string): string => join(folder.work, party);

/** Makes the folder of a new run, for its owner only. Throws RefusalError E-USAGE where something lies already. */
export async function claimRunFolder({ root, work }: RunFolder): Promise<void> {
  const refuse = (why: string): RefusalError => new RefusalError(refusal('E-USAGE', `--out: ${root}: ${why}`));
  try {
    await mkdir(root, { recursive: true, mode: 0o700 });
    if ((await readdir(root)).length > 0) throw refuse('is not empty, and a run overwrites nothing');
    await mkdir(work, { mode: 0o700 });
  } catch (fault) {
    const code = fault instanceof Error ? (fault as NodeJS.ErrnoException).code : undefined;
    if (code === 'EEXIST' || code === 'ENOTDIR') throw refuse('is not a folder');
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') throw refuse('this user may not write there');
    throw fault;
  }
}

/** What stays of a run when nobody asked to keep everything. */
export type Remains =
  /** The results only. */
  | 'results'
  /** The programs' logs, which tell why it failed. */
  | 'logs'
  | 'nothing';

/** Erases keys, seeds, configurations, stores and hospital files of the run. */
export async function eraseWork({ root, work, logs, contract }: RunFolder, remains: Remains): Promise<void> {
  if (remains === 'logs') {
    const names = await readdir(work).catch(() => []);
    const others = names.map((name) => join(work, name)).filter((path) => path !== logs);
    for (const path of others) await rm(path, { recursive: true, force: true });
    if (others.length === names.length) await eraseWork({ ...runFolder(root), contract }, 'nothing');
    return;
  }
  await rm(work, { recursive: true, force: true });
  if (remains === 'results') return;
  await rm(contract, { force: true });
  // Fails where something else lies in it, which then stays.
  await rmdir(root).catch(() => undefined);
}
