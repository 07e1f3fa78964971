import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readEvidenceFile, type EvidenceFile } from '../../../lib/attestation/read-evidence.ts';
import { nitroAuthority, nitroDocument } from '../../authorities/nitro-authority.ts';
import { evidenceVectorsAbsent, vectorBytes } from '../../vectors/attestation/evidence-vectors.ts';

const AT = Date.parse('2026-06-01T12:00:00Z');
const amazon = nitroAuthority(AT);
const original = nitroDocument(amazon, { timestamp: AT });
const base64 = Buffer.from(original).toString('base64');
const certificate = amazon.leaf.certificate;
const wrapped = (text: string): string => text.replaceAll(/.{64}/g, '$&\n');
const pem = (label: string, der: Uint8Array): string =>
  `-----BEGIN ${label}-----\n${wrapped(Buffer.from(der).toString('base64'))}\n-----END ${label}-----\n`;

function read(file: Uint8Array | string): EvidenceFile {
  const result = readEvidenceFile(typeof file === 'string' ? Buffer.from(file) : file);
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const kinds = (file: EvidenceFile): string[] => file.collateral.map(({ kind }) => kind);

describe('a file with evidence', () => {
  test.each([
    ['hexadecimal', Buffer.from(original).toString('hex')],
    [
      'hexadecimal with 0x, upper case and line breaks',
      `0x${wrapped(Buffer.from(original).toString('hex').toUpperCase())}\n`,
    ],
    ['Base64', base64],
    ['Base64 in lines', `${wrapped(base64)}\n`],
    ['Base64url', Buffer.from(original).toString('base64url')],
    ['Base64 of Base64', Buffer.from(base64).toString('base64')],
    ['a JSON text', JSON.stringify(base64)],
    ['JSON', JSON.stringify({ platform: 'nitro', evidence: { document: base64, nonce: '00ff' } })],
    ['JSON in JSON', JSON.stringify({ evidence: JSON.stringify({ quote: base64 }) })],
    ['JSON with a list of bytes', JSON.stringify([{ quote: [...original] }])],
    ['a PEM bundle', pem('ATTESTATION', original)],
  ])('as %s', (_, text) => {
    const { bytes, collateral } = read(text);
    expect(hex(bytes)).toBe(hex(original));
    expect(collateral).toEqual([]);
  });

  test('as it is', () => {
    expect(read(original)).toEqual({ bytes: original, collateral: [] });
  });

  test.each([
    [1, 2],
    [2, 4],
  ])("in dstack's envelope, SCALE mode %i, with what follows", (mode, width) => {
    const head = Buffer.alloc(2 + width);
    head[1] = 2;
    head.writeUIntLE(original.length * 4 + mode, 2, width);
    expect(hex(read(Buffer.concat([head, original, Buffer.alloc(99, 7)])).bytes)).toBe(hex(original));
    head.writeUIntLE((original.length + 1) * 4 + mode, 2, width);
    expect(read(Buffer.concat([head, original])).bytes.length).toBe(original.length + head.length);
  });

  test.each([
    ['JSON', JSON.stringify({ quote: base64, vcek: Buffer.from(certificate).toString('base64') })],
    ['JSON with PEM', JSON.stringify({ chain: pem('CERTIFICATE', certificate), quote: base64 })],
    [
      'JSON with PEM in Base64',
      JSON.stringify({ quote: base64, chain: Buffer.from(pem('CERTIFICATE', certificate)).toString('base64') }),
    ],
    ['a PEM bundle', pem('CERTIFICATE', certificate) + pem('QUOTE', original)],
  ])('with a certificate beside it: %s', (_, text) => {
    const file = read(text);
    expect(hex(file.bytes)).toBe(hex(original));
    expect(file.collateral.map((item) => ('der' in item ? hex(item.der) : item.kind))).toEqual([hex(certificate)]);
  });

  test('of which the first is taken', () => {
    const other = nitroDocument(amazon, { timestamp: AT + 1 });
    expect(hex(read(JSON.stringify([base64, Buffer.from(other).toString('base64')])).bytes)).toBe(hex(original));
  });

  test.each([
    '',
    '{',
    '{}',
    '[]',
    '"',
    'null',
    'deadbeef',
    '-----BEGIN X-----',
    pem('CERTIFICATE', certificate),
    '{"a":1e999}',
  ])('none is in %j: the bytes are given back', (text) => {
    expect(read(text)).toEqual({ bytes: Buffer.from(text), collateral: [] });
  });

  test('that is too large is refused', () => {
    expect(readEvidenceFile(new Uint8Array(8 * 1024 * 1024 + 1)).ok).toBe(false);
  });

  test('hostile wrappers end: deep nesting, many values, evidence below them', () => {
    const deep = `${'['.repeat(5000)}"${base64}"${']'.repeat(5000)}`;
    expect(read(deep).bytes.length).toBe(deep.length);
    const many = JSON.stringify([...Array<number>(30_000).fill(1.5), base64]);
    expect(read(many).bytes.length).toBe(many.length);
    let layers = base64;
    for (let layer = 0; layer < 6; layer++) layers = Buffer.from(layers).toString('base64');
    expect(read(layers).bytes.length).toBe(layers.length);
  });

  test('any bytes and any mutated wrapper give a file', () => {
    const wrapper = Buffer.from(JSON.stringify({ quote: base64, chain: pem('CERTIFICATE', certificate) }));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(wrapper.length - 1), fc.nat(255), (bytes, at, value) => {
        read(bytes);
        const changed = Uint8Array.from(wrapper);
        changed[at] = value;
        read(changed);
      }),
      { numRuns: 300 },
    );
  });
});

describe.skipIf(evidenceVectorsAbsent)('genuine files', () => {
  const DSTACK = 'nitro/Dstack-TEE+dstack/dstack';
  test.each([
    [`${DSTACK}/dstack-attest/tests/nitro_attestation.bin`, 'extracted/nitro/dstack/dstack-prod.cbor'],
    [`${DSTACK}/nsm-qvl/tests/nitro_attestation.bin`, 'extracted/nitro/dstack/dstack-prod2.cbor'],
    [`${DSTACK}/dstack-attest/tests/nitro_attestation_dbg.bin`, 'extracted/nitro/dstack/dstack-debug.cbor'],
    [
      'sev-snp/Dstack-TEE+dstack/dstack/verifier/fixtures/sev-snp-attestation.json',
      'extracted/sev-snp/dstack/report.bin',
    ],
    [
      'sev-snp/veraison+services/scheme/sevsnp/test/evidence/sevsnp-tsm-report.json',
      'extracted/sev-snp/veraison/outblob.bin',
    ],
  ])('%s holds %s', (file, evidence) => {
    expect(Buffer.from(read(vectorBytes(file)).bytes)).toEqual(Buffer.from(vectorBytes(evidence)));
  });

  test.each([
    ['sev-snp/veraison+services/scheme/sevsnp/test/evidence/sevsnp-tsm-report.json', 3],
    ['sev-snp/confidential-dot-ai+attestation-rs/crates/attestation/test_data/snp/live-evidence-genoa.json', 1],
  ])('%s comes with its certificates', (file, count) => {
    expect(kinds(read(vectorBytes(file)))).toEqual(Array<string>(count).fill('certificate'));
  });
});
