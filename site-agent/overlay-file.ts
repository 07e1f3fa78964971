import { z } from 'zod';
import { idField } from '../lib/config/program-fields.ts';
import { fromHex, toHex } from '../lib/core/bytes.ts';
import type { OrganisationId, PublicKey } from '../lib/core/ids.ts';
import { datasetName } from '../lib/privacy/ledger.ts';
import type { Overlay } from './state.ts';

const key = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');

/** `overlay.yaml`: what this hospital adds to any contract; never sent anywhere. */
export const overlayFile = z.strictObject({
  /** Organisations whose key somebody here has confirmed by telephone; the own one among them. */
  confirmed: z
    .array(z.strictObject({ id: idField, name: z.string().min(1).max(400), key, confirmedAt: z.string().max(40) }))
    .max(1000),
  /** Smallest released set this hospital accepts; absent: the contract's k_min. */
  minimum: z.number().int().positive().optional(),
  requireCoParticipants: z.array(idField).max(1000).default([]),
  /** What the hospital's privacy ledger holds every contract to (PROTOCOL §7.5). */
  privacy: z
    .strictObject({
      /** Contracts under one name share one ledger; absent: the name of the data file without its folder. */
      dataset: datasetName.optional(),
      /** ε at δ that all contracts together may cost one unit of that dataset; absent: only approvals bind. */
      budget: z
        .strictObject({ epsilon: z.number().positive().max(1e6), delta: z.number().positive().max(0.01) })
        .optional(),
    })
    .optional(),
});
export type OverlayFile = z.output<typeof overlayFile>;

export function overlayOf({ confirmed, minimum, requireCoParticipants }: OverlayFile): Overlay {
  const confirmedKeys = new Map<OrganisationId, PublicKey>();
  for (const organisation of confirmed) {
    const bytes = fromHex(organisation.key);
    if (bytes !== null) confirmedKeys.set(organisation.id, bytes as PublicKey);
  }
  return { confirmedKeys, minimum: minimum ?? 1, requireCoParticipants };
}

/** The same organisation confirmed again replaces the earlier entry. */
export function withConfirmed(
  file: OverlayFile,
  added: { id: OrganisationId; name: string; key: PublicKey },
  at: Date,
): OverlayFile {
  const others = file.confirmed.filter(({ id }) => id !== added.id);
  const entry = { id: added.id, name: added.name, key: toHex(added.key), confirmedAt: at.toISOString() };
  return { ...file, confirmed: [...others, entry] };
}
