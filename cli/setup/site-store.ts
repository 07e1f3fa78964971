import { existsSync } from 'node:fs';
import { loadConfig } from '../../lib/config/config-file.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import { openSqliteStore } from '../../lib/store/sqlite.ts';
import type { Store } from '../../lib/store/store.ts';
import { siteConfig, type SiteConfig } from '../../site-agent/config.ts';

interface OpenedSite {
  readonly config: SiteConfig;
  readonly store: Store;
}

/**
 * Looks into the store of the agent that `configPath` configures, which may be running. Throws RefusalError on a bad
 * configuration or store; makes no store where there is none.
 */
export async function inSiteStore<T>(configPath: string, use: (site: OpenedSite) => Promise<T>): Promise<T> {
  const loaded = await loadConfig(configPath, siteConfig);
  if (!loaded.ok) throw new RefusalError(...loaded.error);
  const config = loaded.value;
  if (!existsSync(config.store))
    throw new RefusalError(refusal('E-STORE-PATH', `${config.store}: there is no store yet`));
  const opened = await openSqliteStore(config.store);
  if (!opened.ok) throw new RefusalError(opened.error);
  try {
    return await use({ config, store: opened.value });
  } finally {
    await opened.value.close();
  }
}
