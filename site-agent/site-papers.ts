import { publicationAppraiser } from '../lib/audit/appraise-publication.ts';
import type { ChannelClock } from '../lib/channel/clock.ts';
import { loadConfig } from '../lib/config/config-file.ts';
import { readNamedFile, readSecretFile } from '../lib/config/named-file.ts';
import { openApproval, type Approval } from '../lib/contract/approval.ts';
import { ENDORSEMENT_LIFETIME_MS, signEndorsement } from '../lib/contract/endorsement.ts';
import type { OpenedDocument } from '../lib/contract/signed-document.ts';
import { openContract, type SealedContract } from '../lib/contract/study-contract.ts';
import { bytesEqual } from '../lib/core/bytes.ts';
import { signerFromSeed, type Signer } from '../lib/core/ed25519.ts';
import { refusal, RefusalError } from '../lib/core/errors.ts';
import { instant } from '../lib/core/ids.ts';
import { layoutOf } from '../lib/learning/layout.ts';
import { brokenTerm } from '../lib/audit/broken-term.ts';
import type { SiteConfig } from './config.ts';
import { overlayFile, overlayOf } from './overlay-file.ts';
import type { SitePlatform } from './site-platform.ts';
import type { SiteEnvironment } from './state.ts';

const KEY_BYTES = 32;

/** A configuration file, checked. Throws RefusalError with every bad field. */
export async function configured<T>(path: string, schema: Parameters<typeof loadConfig<T>>[1]): Promise<T> {
  const loaded = await loadConfig(path, schema);
  if (!loaded.ok) throw new RefusalError(...loaded.error);
  return loaded.value;
}

/** The organisation's own key, `ORG_i`. Throws RefusalError E-CONFIG for a file of another length, or that others may read. */
export async function readOrganisationSigner(path: string): Promise<Signer> {
  const seed = await readSecretFile(path);
  if (seed.length !== KEY_BYTES)
    throw new RefusalError(refusal('E-CONFIG', 'organisationKey: is not an organisation key'));
  return signerFromSeed(seed);
}

/** Contract, key and overlay, held against one another. Throws RefusalError where they disagree. */
export async function siteEnvironment(
  config: SiteConfig,
  platform: SitePlatform,
  organisationSigner: Signer,
): Promise<SiteEnvironment> {
  const sealed = openContract(await readNamedFile(config.contract));
  if (!sealed.ok) throw new RefusalError(sealed.error);
  const { contract } = sealed.value;
  if (contract.environment !== platform.environment) throw new RefusalError(refusal('E-CONTRACT-ENVIRONMENT'));
  const layout = layoutOf(contract.model.spec);
  if (!bytesEqual(layout.digest, contract.model.layoutDigest)) {
    throw new RefusalError(refusal('E-CONTRACT-INVALID', 'model.layoutDigest: the layout of this model is another'));
  }
  const broken = brokenTerm(contract);
  if (broken !== null) throw new RefusalError(refusal('E-CONTRACT-INVALID', broken));
  const named = contract.organisations.find(({ id }) => id === config.organisation);
  if (named === undefined) throw new RefusalError(refusal('E-ORG-UNKNOWN', config.organisation));
  if (!bytesEqual(named.key, organisationSigner.publicKey)) {
    throw new RefusalError(refusal('E-ORG-IDENTITY', 'the contract names another key for this organisation'));
  }
  return {
    sealed: sealed.value,
    layout,
    organisation: config.organisation,
    signer: signerFromSeed(platform.random(32)),
    overlay: overlayOf(await configured(config.overlay, () => overlayFile)),
    appraise: publicationAppraiser(platform.verifiers, platform.environment, () => platform.clock.now()),
  };
}

/** This hospital's own approval of this contract. Throws RefusalError when it is another's, for another, or expired. */
export async function ownApproval(
  { approval: path, organisation }: SiteConfig,
  sealed: SealedContract,
  clock: ChannelClock,
): Promise<OpenedDocument<Approval>> {
  const opened = openApproval(await readNamedFile(path), { sealed, at: clock.now() });
  if (!opened.ok) throw new RefusalError(opened.error);
  if (opened.value.document.organisation !== organisation)
    throw new RefusalError(refusal('E-APPROVAL-INVALID', 'of another organisation'));
  return opened.value;
}

/** The model file that the configuration names for a contract that goes on from a released model; null: none. */
export async function startingModel({ startingModel: path }: SiteConfig): Promise<Uint8Array | null> {
  return path === undefined ? null : await readNamedFile(path);
}

/** `ORG_i` vouches for the key of this boot, for a day (PROTOCOL §3). */
export function endorseBootKey(
  { organisation, signer, sealed }: SiteEnvironment,
  organisationSigner: Signer,
  clock: ChannelClock,
): Uint8Array {
  const issued = clock.now();
  const fields = {
    organisation,
    bootKey: signer.publicKey,
    contract: sealed.digest,
    issued,
    expires: instant(issued + ENDORSEMENT_LIFETIME_MS),
  };
  return signEndorsement(fields, organisationSigner);
}
