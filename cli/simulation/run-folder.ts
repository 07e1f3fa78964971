import { join } from 'node:path';

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
