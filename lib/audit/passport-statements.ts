import type { Refusal } from '../core/errors.ts';
import { ok, type Result } from '../core/result.ts';
import type { PassportBundle } from './passport-bundle.ts';
import {
  openStatementAs,
  type Certificate,
  type Genesis,
  type Intent,
  type Manifest,
  type Release,
  type SignedStatement,
} from './statement.ts';

/** The five statements of a passport, each of its type and signed by the boot key that it names. */
export interface PassportStatements {
  readonly genesis: SignedStatement<Genesis>;
  readonly manifest: SignedStatement<Manifest>;
  readonly certificate: SignedStatement<Certificate>;
  readonly intent: SignedStatement<Intent>;
  readonly release: SignedStatement<Release>;
}

export const statementsInOrder = (statements: PassportStatements): readonly SignedStatement[] => {
  const { genesis, manifest, certificate, intent, release } = statements;
  return [genesis, manifest, certificate, intent, release];
};

export function openStatements(bundle: PassportBundle): Result<PassportStatements, Refusal> {
  const genesis = openStatementAs(bundle.genesis, 'genesis', 'E-PASSPORT-INVALID');
  if (!genesis.ok) return genesis;
  const manifest = openStatementAs(bundle.manifest, 'manifest', 'E-PASSPORT-INVALID');
  if (!manifest.ok) return manifest;
  const certificate = openStatementAs(bundle.certificate, 'certificate', 'E-PASSPORT-INVALID');
  if (!certificate.ok) return certificate;
  const intent = openStatementAs(bundle.intent, 'intent', 'E-PASSPORT-INVALID');
  if (!intent.ok) return intent;
  const release = openStatementAs(bundle.release, 'release', 'E-PASSPORT-INVALID');
  if (!release.ok) return release;
  return ok({
    genesis: genesis.value,
    manifest: manifest.value,
    certificate: certificate.value,
    intent: intent.value,
    release: release.value,
  });
}
