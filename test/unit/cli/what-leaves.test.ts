import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { DISCLOSURES, type DisclosedMessage } from '../../../cli/output/disclosures.ts';
import { whatLeavesPage } from '../../../cli/output/what-leaves-page.ts';
import { envelope as evidenceEnvelope } from '../../../lib/attestation/evidence.ts';
import { chipCertificate, outer, quote } from '../../../lib/attestation/simulated/simulated-evidence.ts';
import { acknowledgement } from '../../../lib/audit/acknowledgement.ts';
import { commit } from '../../../lib/audit/commit.ts';
import { siteMessage } from '../../../lib/audit/session-message.ts';
import { FRAME_OVERHEAD_BYTES, FrameSealer } from '../../../lib/channel/frame-cipher.ts';
import { hello, open } from '../../../lib/channel/handshake-messages.ts';
import { challenge, confirm, evidence, refuse } from '../../../lib/channel/sealed-messages.ts';
import { approval, withdrawal } from '../../../lib/contract/approval.ts';
import { endorsement } from '../../../lib/contract/endorsement.ts';
import { envelope } from '../../../lib/contract/signed-document.ts';
import { instant, organisationId } from '../../../lib/core/ids.ts';
import { decodeUpdate, encodeUpdate, plaintextBytes, SALT_BYTES } from '../../../lib/learning/update-codec.ts';
import { createAuthority, issue } from '../../../lib/wire/certificates.ts';
import { healthMethods } from '../../../lib/wire/health-codec.ts';
import { LOADER_OPTIONS, PROTO_FILES, PROTO_ROOT } from '../../../lib/wire/load-proto.ts';
import { CHANNEL_PATH, CHANNEL_ROLES, SITE_METADATA } from '../../../lib/wire/session-codec.ts';
import { studyMethods } from '../../../lib/wire/study-codec.ts';
import { must } from '../../support/study-in-memory.ts';

/** Paths of everything in a document that is no map or list itself. */
function leaves(schema: z.ZodType, path = ''): string[] {
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional)
    return leaves(schema.unwrap() as z.ZodType, path);
  if (schema instanceof z.ZodPipe) return leaves(schema.in as z.ZodType, path);
  if (schema instanceof z.ZodArray) return leaves(schema.element as z.ZodType, `${path}[]`);
  if (schema instanceof z.ZodObject) {
    const inside = path === '' ? '' : `${path}.`;
    return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([name, part]) =>
      leaves(part, `${inside}${name}`),
    );
  }
  if (schema instanceof z.ZodUnion) throw new Error(`${path}: a union, which this walk does not follow`);
  return [path];
}

/** Session messages share their names with the documents they carry. */
const DOCUMENTS = ['commit', 'update', 'acknowledgement', 'withdrawal'];
const sessionMessages = siteMessage.options.map((option): [string, string[]] => {
  const [type] = option.shape.type.values;
  return [DOCUMENTS.includes(String(type)) ? `${String(type)}-message` : String(type), leaves(option)];
});

const documents: [string, z.ZodType][] = [
  ['commit', commit],
  ['acknowledgement', acknowledgement],
  ['endorsement', endorsement],
  ['approval', approval],
  ['withdrawal', withdrawal],
  ['envelope', envelope],
  ['evidence', evidence],
  ['evidence-envelope', evidenceEnvelope],
  ['simulated-evidence', outer],
  ['chip-certificate', chipCertificate],
  ['quote', quote],
  ['confirm', confirm],
  ['challenge', challenge],
  ['refuse', refuse],
  ['hello', hello],
  ['open', open],
];

interface Descriptor {
  readonly requestType: {
    readonly type: { readonly name: string; readonly field: readonly { readonly name: string }[] };
  };
}

/** Requests of every gRPC method that a site may call, with their fields as the .proto files have them. */
function requests(): [string, string[]][] {
  const definitions = loadSync([...PROTO_FILES], { ...LOADER_OPTIONS, includeDirs: [PROTO_ROOT] });
  const channel = { path: CHANNEL_PATH, roles: CHANNEL_ROLES.relay };
  const allowed = [...Object.values(studyMethods), ...Object.values(healthMethods), channel]
    .filter(({ roles }) => (roles as readonly string[]).includes('site'))
    .map(({ path }): [string, string[]] => {
      const [, service = '', method = ''] = path.split('/');
      const { type } = (definitions[service] as unknown as Record<string, Descriptor>)[method]?.requestType ?? {};
      if (type === undefined) throw new Error(`no ${path} in the .proto files`);
      const headers = path === CHANNEL_PATH ? [SITE_METADATA] : [];
      return [type.name, [...type.field.map(({ name }) => name), ...headers]];
    });
  return [...new Map(allowed)];
}

/** What a test reads from real bytes instead of a schema. */
const BY_HAND = ['update', 'frame', 'certificate'] as const;

const walked: [string, string[]][] = [
  ...sessionMessages,
  ...documents.map(([id, schema]): [string, string[]] => [id, leaves(schema)]),
  ...requests(),
];

const listed = (id: string): string[] =>
  ((DISCLOSURES as Record<string, DisclosedMessage | undefined>)[id]?.fields ?? []).map(({ field }) => field);
const covers = (field: string, leaf: string): boolean =>
  leaf === field || leaf.startsWith(`${field}.`) || leaf.startsWith(`${field}[]`);

describe('docs/what-leaves.md', () => {
  test('is what the list makes: node bin/consilium.mjs privacy what-leaves > docs/what-leaves.md', () => {
    expect(readFileSync(new URL('../../../docs/what-leaves.md', import.meta.url), 'utf8')).toBe(whatLeavesPage());
  });

  test('names every message that leaves a site, and no other', () => {
    expect([...walked.map(([id]) => id), ...BY_HAND].sort()).toEqual(Object.keys(DISCLOSURES).sort());
  });

  test.each(walked)('%s: every field is listed once, and none that is not there', (id, fields) => {
    const covering = fields.map((leaf) => [leaf, listed(id).filter((field) => covers(field, leaf)).length]);
    expect(covering).toEqual(fields.map((leaf) => [leaf, 1]));
    expect(listed(id).filter((field) => !fields.some((leaf) => covers(field, leaf)))).toEqual([]);
  });

  test('the update: each of its bytes belongs to a field that is listed', () => {
    const length = 3;
    const sizes: Record<string, number> = {
      salt: SALT_BYTES,
      format: 4,
      weight: 4,
      trainLoss: 8,
      coordinates: 4 * length,
    };
    expect(listed('update')).toEqual(Object.keys(sizes));
    expect(Object.values(sizes).reduce((sum, size) => sum + size, 0)).toBe(SALT_BYTES + plaintextBytes(length));
    const update = { weight: 7, trainLoss: 0.25, coordinates: Int32Array.of(5, -6, 0) };
    const grid = { stepLog2: -12, coordinateBound: 100, weightCap: 9, l2Bound: 100 };
    const decoded = must(decodeUpdate(encodeUpdate(update), { layoutLength: length, grid }));
    expect(Object.keys(decoded).sort()).toEqual(
      listed('update')
        .filter((name) => name !== 'salt' && name !== 'format')
        .sort(),
    );
  });

  test('a frame is its listed parts', () => {
    const sealer = new FrameSealer({ key: new Uint8Array(32), sessionId: new Uint8Array(32), direction: 'site' });
    const sizes: Record<string, number> = { type: 1, frame_seq: 8, ciphertext: 40, tag: 16 };
    expect(listed('frame')).toEqual(Object.keys(sizes));
    const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
    expect(must(sealer.seal('application', new Uint8Array(40)))).toHaveLength(total);
    expect(total - 40).toBe(FRAME_OVERHEAD_BYTES);
  });

  test('a certificate names a role and an organisation, and nothing else', () => {
    const valid = { at: instant(Date.UTC(2026, 4, 4)), days: 9 };
    const authority = createAuthority({ name: 'trial', ...valid });
    const issued = issue(authority, { role: 'site', id: organisationId('adler'), addresses: [], ...valid });
    const { subject, subjectAltName, issuer } = new X509Certificate(issued.certificate);
    expect({ subject, subjectAltName, issuer }).toEqual({
      subject: 'CN=site adler',
      subjectAltName: 'URI:consilium://site/adler',
      issuer: 'CN=trial',
    });
    expect(listed('certificate')).toHaveLength(6);
  });

  test('nothing of the page breaks its tables', () => {
    for (const { fields } of Object.values(DISCLOSURES))
      for (const cells of fields) expect(Object.values(cells).join('')).not.toMatch(/[|\n]/);
  });
});
