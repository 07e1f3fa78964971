import { WHAT, type ItemFacts } from '../../../lib/attestation/collateral/describe-item.ts';

/** Facts of one item for programs: times in ISO 8601, the number in decimal. */
export interface ItemJson {
  readonly kind: ItemFacts['kind'];
  readonly about: string;
  readonly issuer: string;
  readonly issued: string;
  readonly validUntil: string;
  readonly number: string | null;
}

export const itemJson = ({ kind, about, issuer, issuedAt, validUntil, number }: ItemFacts): ItemJson => ({
  kind,
  about,
  issuer,
  issued: iso(issuedAt),
  validUntil: iso(validUntil),
  number: number?.toString() ?? null,
});

/** `TCB info of TDX FMSPC …, issued 2026-05-02, valid until 2026-06-01`. */
export const itemText = ({ kind, about, issuedAt, validUntil }: ItemFacts): string =>
  `${WHAT[kind]} of ${about}, issued ${day(issuedAt)}, valid until ${day(validUntil)}`;

export const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** Date in UTC; for dates of which nobody needs the hour. */
export const day = (milliseconds: number): string => iso(milliseconds).replace(/T.*$/, '');
