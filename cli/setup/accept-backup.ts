import { toHex } from '../../lib/core/bytes.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import { storeAcceptedBackup } from '../../site-agent/accepted-backups.ts';
import { startOf } from '../../site-agent/past-contracts.ts';
import { replaySite } from '../../site-agent/replay-site.ts';
import { initialSiteState } from '../../site-agent/state.ts';
import { readContract } from './contract-file.ts';
import { inSiteStore } from './site-store.ts';

export interface AcceptedBackup {
  readonly organisation: string;
  readonly contract: string;
  /** Counter of the statement that showed the store to be behind; null: nothing did, and nothing was accepted. */
  readonly since: number | null;
  /** Updates that the statements told of and the store did not know. */
  readonly recoveredDebits: number;
}

/**
 * Reads the store of the agent that `configPath` configures and, if the agent found it behind, leaves word for it that
 * this was accepted. Throws RefusalError on a bad configuration or store; makes no store where there is none.
 */
export function acceptBackup(configPath: string): Promise<AcceptedBackup> {
  return inSiteStore(configPath, async ({ config, store: { events } }) => {
    const { organisation, contract, store: path } = config;
    const sealed = await readContract(contract);
    let recoveredDebits = 0;
    const { state, version } = await replaySite(events, sealed, initialSiteState(startOf(sealed)), ({ type }) => {
      if (type === 'debit-recovered') recoveredDebits += 1;
    });
    if (version === 0) throw new RefusalError(refusal('E-STORE-FORMAT', `${path}: it has not begun this contract`));
    const { behind: since } = state;
    if (since !== null) await storeAcceptedBackup(events, { contract: sealed.digest, counter: since });
    return { organisation, contract: toHex(sealed.digest), since, recoveredDebits };
  });
}
