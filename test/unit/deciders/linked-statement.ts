import { openStatement, type Manifest, type SignedStatement, type Statement } from '../../../lib/audit/statement.ts';
import type { Head } from '../../../lib/contract/shapes.ts';
import type { Signer } from '../../../lib/core/ed25519.ts';
import { signDocument } from '../../../lib/contract/signed-document.ts';
import { must } from '../../support/study-in-memory.ts';

export const STATEMENT_TYPES = ['genesis', 'manifest', 'certificate', 'intent', 'release', 'abort'] as const;

interface Link {
  /** Statements of a finished round: the newest of the wanted type lends its content. */
  readonly like: readonly SignedStatement[];
  readonly after: Head | null;
  readonly signer: Signer;
  /** Replaces fields of the content. */
  readonly change?: object;
}

/** A genuine statement of `type` that links from `after`, whether or not an enclave would issue it there. */
export function linkedStatement(type: Statement['type'], { like, after, signer, change = {} }: Link): SignedStatement {
  const template = like.findLast(
    ({ statement }) => statement.type === (type === 'abort' ? 'manifest' : type),
  )?.statement;
  if (template === undefined) throw new Error(`no ${type} to copy`);
  const link = {
    counter: after === null ? 0 : after.counter + 1,
    previous: after?.digest ?? null,
    bootKey: signer.publicKey,
  };
  const content = type === 'abort' && template.type === 'manifest' ? abortOf(template) : template;
  return must(openStatement(signDocument('statement', { ...content, ...link, ...change }, signer)));
}

function abortOf({ format, contract, at, round, attempt, parent }: Manifest): object {
  return { format, type: 'abort', contract, at, round, attempt, parent, code: 'E-ROUND-STOPPED' };
}
