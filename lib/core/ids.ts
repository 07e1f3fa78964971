declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** 32 bytes, a domain-tagged SHA-256. */
export type Digest = Brand<Uint8Array, 'Digest'>;
/** 32 bytes, Ed25519. */
export type PublicKey = Brand<Uint8Array, 'PublicKey'>;
/** 64 bytes, Ed25519. */
export type Signature = Brand<Uint8Array, 'Signature'>;
/** An organisation's short name in a contract: lower-case letters, digits and hyphens, 1–63 characters. */
export type OrganisationId = Brand<string, 'OrganisationId'>;
/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = Brand<number, 'Instant'>;

export const DIGEST_BYTES = 32;
const ORGANISATION_ID = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

export const isOrganisationId = (text: string): text is OrganisationId => ORGANISATION_ID.test(text);

/** For callers that hold a checked name; throws on a name that is not one. */
export function organisationId(text: string): OrganisationId {
  if (!isOrganisationId(text))
    throw new RangeError('an organisation id has 1-63 lower-case letters, digits or hyphens');
  return text;
}

export function instant(milliseconds: number): Instant {
  if (!Number.isSafeInteger(milliseconds) || milliseconds < 0) throw new RangeError('an instant is whole milliseconds');
  return milliseconds as Instant;
}
