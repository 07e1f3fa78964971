import type { SealedContract } from '../lib/contract/study-contract.ts';
import { RefusalError } from '../lib/core/errors.ts';
import type { FeatureTable } from '../lib/data/featurise.ts';
import { loadHospital } from '../lib/data/load-hospital.ts';
import { loadTrainer } from '../lib/learning/tfjs/load-trainer.ts';
import type { Trainer } from '../lib/learning/trainer.ts';
import type { SiteConfig } from './config.ts';

/** Data and training backend, each loaded once, when first needed. */
export class SiteResources {
  readonly #config: SiteConfig;
  readonly #sealed: SealedContract;
  #trainer: Promise<Trainer> | null = null;
  #table: Promise<FeatureTable> | null = null;

  constructor(config: SiteConfig, sealed: SealedContract) {
    this.#config = config;
    this.#sealed = sealed;
  }

  trainer(): Promise<Trainer> {
    return (this.#trainer ??= loadTrainer(this.#config.backend));
  }

  /** Training rows. A file that was refused is read again next time: somebody may have corrected it. */
  table(): Promise<FeatureTable> {
    const loading = (this.#table ??= this.#load());
    loading.catch(() => {
      this.#table = null;
    });
    return loading;
  }

  async #load(): Promise<FeatureTable> {
    const { data: path, organisation } = this.#config;
    const loaded = await loadHospital({ path, organisation, schema: this.#sealed.contract.schema });
    if (!loaded.ok) throw new RefusalError(loaded.error);
    return loaded.value.train;
  }
}
