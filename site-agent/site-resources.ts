import type { SealedContract } from '../lib/contract/study-contract.ts';
import { refusal, RefusalError } from '../lib/core/errors.ts';
import type { FeatureTable } from '../lib/data/featurise.ts';
import { loadHospital } from '../lib/data/load-hospital.ts';
import { BACKENDS, PRIVATE_BACKENDS, type BackendName } from '../lib/learning/tfjs/backends.ts';
import { loadTrainer } from '../lib/learning/tfjs/load-trainer.ts';
import type { Trainer } from '../lib/learning/trainer.ts';
import { mechanismOf } from '../lib/privacy/mechanism.ts';
import type { SiteConfig } from './config.ts';

/** Data and training backend, each loaded once, when first needed. */
export class SiteResources {
  readonly #config: SiteConfig;
  readonly #sealed: SealedContract;
  readonly #backends: readonly BackendName[];
  #trainer: Promise<Trainer> | null = null;
  #table: Promise<FeatureTable> | null = null;

  /** Throws RefusalError E-CONFIG for a backend that a contract with noise does not allow. */
  constructor(config: SiteConfig, sealed: SealedContract) {
    this.#config = config;
    this.#sealed = sealed;
    this.#backends = backendsOf(config, sealed);
  }

  trainer(): Promise<Trainer> {
    return (this.#trainer ??= loadTrainer(this.#backends));
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

function backendsOf({ backend }: SiteConfig, { contract }: SealedContract): readonly BackendName[] {
  const allowed: readonly BackendName[] = mechanismOf(contract) === null ? BACKENDS : PRIVATE_BACKENDS;
  if (backend === undefined) return allowed;
  if (allowed.includes(backend)) return [backend];
  const why = 'nothing shows that a record changes a sum by no more than the noise of this contract counts on';
  throw new RefusalError(refusal('E-CONFIG', `backend: ${backend}: ${why}; leave it out, or name wasm or cpu`));
}
