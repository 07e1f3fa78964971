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

/** Looks into a store that another program may be using. Throws RefusalError; makes no store where there is none. */
export async function inStore<T>(path: string, use: (store: Store) => Promise<T>): Promise<T> {
  if (!existsSync(path)) throw new RefusalError(refusal('E-STORE-PATH', `${path}: there is no store yet`));
  const opened = await openSqliteStore(path);
  if (!opened.ok) throw new RefusalError(opened.error);
  try {
    return await use(opened.value);
  } finally {
    await opened.value.close();
  }
}

/** Looks into the store of the agent that `configPath` configures, which may be running. Throws RefusalError as `inStore`. */
export async function inSiteStore<T>(configPath: string, use: (site: OpenedSite) => Promise<T>): Promise<T> {
  const loaded = await loadConfig(configPath, siteConfig);
  if (!loaded.ok) throw new RefusalError(...loaded.error);
  const config = loaded.value;
  return inStore(config.store, (store) => use({ config, store }));
}
