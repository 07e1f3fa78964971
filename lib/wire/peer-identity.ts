import { refusal, type Refusal } from '../core/errors.ts';
import { isOrganisationId, type OrganisationId } from '../core/ids.ts';
import { err, ok, type Result } from '../core/result.ts';

/** Which program (or person) a certificate was issued to. */
export const ROLES = ['site', 'coordinator', 'enclave', 'researcher'] as const;
export type Role = (typeof ROLES)[number];

/**
 * Who is at the other end of a TLS connection, as its certificate says. It decides who may call what and nothing
 * more: no patient is protected by it (PROTOCOL §1; §4 for what does).
 */
export interface PeerIdentity {
  readonly role: Role;
  /** For a site its organisation, otherwise a name of the same form. */
  readonly id: OrganisationId;
}

const URI_ENTRY = /^URI:consilium:\/\/([a-z]+)\/([a-z0-9-]+)$/;
const isRole = (text: string): text is Role => (ROLES as readonly string[]).includes(text);

/** `consilium://<role>/<id>`, the URI in the certificate's subjectAltName. */
export const identityUri = ({ role, id }: PeerIdentity): string => `consilium://${role}/${id}`;

/**
 * Reads node's rendering of subjectAltName (`DNS:a, URI:b`). Null unless exactly one URI names a role and an id.
 * Node puts names that could be mistaken for a separator in quotes (CVE-2021-44532); no certificate of ours has any,
 * so that one with a quote has no identity.
 */
export function identityFromSubjectAltName(subjectAltName: string | undefined): PeerIdentity | null {
  if (subjectAltName === undefined || subjectAltName.includes('"')) return null;
  const uris = subjectAltName.split(', ').filter((entry) => entry.startsWith('URI:'));
  const [, role, id] = URI_ENTRY.exec(uris[0] ?? '') ?? [];
  if (uris.length !== 1 || role === undefined || id === undefined) return null;
  return isRole(role) && isOrganisationId(id) ? { role, id } : null;
}

/** Deny by default: a peer without identity, or of a role that is not listed, is refused with E-ORG-IDENTITY. */
export function authorise(peer: PeerIdentity | null, roles: readonly Role[]): Result<PeerIdentity, Refusal> {
  if (peer !== null && roles.includes(peer.role)) return ok(peer);
  const got = peer === null ? 'a certificate without consilium:// identity' : identityUri(peer);
  return err(refusal('E-ORG-IDENTITY', 'role of the caller', { got, want: roles.join(' or ') }));
}

/** What a site sends about `organisation` must come from that organisation's certificate. */
export function requireOrganisation(peer: PeerIdentity, organisation: OrganisationId): Result<PeerIdentity, Refusal> {
  return requireIdentity(peer, { role: 'site', id: organisation }, 'organisation of the caller');
}

/** One certificate and no other of its role; `what` says in a refusal which check failed. */
export function requireIdentity(peer: PeerIdentity, wanted: PeerIdentity, what: string): Result<PeerIdentity, Refusal> {
  if (peer.role === wanted.role && peer.id === wanted.id) return ok(peer);
  return err(refusal('E-ORG-IDENTITY', what, { got: identityUri(peer), want: identityUri(wanted) }));
}
