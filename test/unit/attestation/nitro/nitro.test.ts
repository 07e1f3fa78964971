import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nitro } from '../../../../lib/attestation/nitro/nitro.ts';
import { fallbackOf, readSection } from '../../../../lib/attestation/policy/policy-section.ts';
import { VENDOR_ROOTS, type VendorRoots } from '../../../../lib/attestation/trust/vendor-roots.ts';
import {
  cbor,
  nitroAuthority,
  nitroDocument,
  nitroPayload,
  register,
  type DocumentParts,
  type NitroAuthority,
} from '../../../authorities/nitro-authority.ts';
import { certify, newKeys } from '../../../authorities/x509-authority.ts';

const AT = Date.parse('2026-06-01T12:00:00Z');
const HOUR_MS = 3_600_000;
const amazon = nitroAuthority(AT);
const roots: VendorRoots = { ...VENDOR_ROOTS, nitro: [amazon.root.fingerprint] };
const hex = (byte: number): string => byte.toString(16).padStart(2, '0').repeat(48);

const make = (parts: Partial<DocumentParts> = {}, authority: NitroAuthority = amazon): Uint8Array =>
  nitroDocument(authority, { timestamp: AT, ...parts });

/** `MALFORMED: why`, or the code and name of every check that did not pass. */
function failures(bytes: Uint8Array, at = AT, anchors = roots): string[] {
  const parsed = nitro.parse(bytes);
  if (!parsed.ok) return [`MALFORMED: ${parsed.error.detail}`];
  const { checks, claims } = nitro.authenticate(parsed.value, {
    at,
    roots: anchors,
    collateral: [],
    revocation: 'required',
  });
  const failed = checks.filter(({ passed }) => !passed);
  expect(claims === null).toBe(failed.length > 0);
  return failed.map(({ code, name }) => `${code.slice('E-ATTEST-'.length)} ${name}`);
}

function appraised(policy: unknown, parts: Partial<DocumentParts> = {}, at = AT): string[] {
  const parsed = nitro.parse(make(parts));
  const values = readSection(nitro.policy, policy);
  if (!parsed.ok || !values.ok) throw new Error('the test itself is wrong');
  const { claims } = nitro.authenticate(parsed.value, { at, roots, collateral: [], revocation: 'required' });
  if (claims === null) throw new Error('not authentic');
  const checks = nitro.appraise(claims, values.value, at);
  return checks.filter(({ passed }) => !passed).map(({ code, name }) => `${code.slice('E-ATTEST-'.length)} ${name}`);
}

describe('a Nitro document', () => {
  test('is authentic under its root, with or without tag 18', () => {
    const bytes = make({ nonce: register(7, 32), userData: register(9, 64) });
    expect(failures(bytes)).toEqual([]);
    expect(failures(Uint8Array.of(0xd2, ...bytes))).toEqual([]);
    expect(nitro.recognises(bytes)).toBe(true);
    expect(nitro.recognises(Uint8Array.of(0xd2, ...bytes))).toBe(true);
    const parsed = nitro.parse(bytes);
    if (!parsed.ok) throw new Error(parsed.error.detail);
    const { claims, checks } = nitro.authenticate(parsed.value, {
      at: AT,
      roots,
      collateral: [],
      revocation: 'required',
    });
    expect(claims).toMatchObject({
      format: 'nitro',
      instance: 'i-0fake-enc01',
      debug: false,
      issuedAt: AT,
      measurements: { PCR0: hex(1), PCR8: hex(9) },
      nonce: register(7, 32),
      reportData: register(9, 64),
    });
    expect(checks.find(({ name }) => name === 'Nitro revocation')?.got).toBe('revocation: not available');
    const fields = nitro.fields(parsed.value);
    const nonce = fields.find(({ name }) => name === 'nonce');
    expect(bytes.subarray(nonce?.offset ?? 0).subarray(0, 32)).toEqual(register(7, 32));
    expect(fields.find(({ name }) => name === 'public_key')).toMatchObject({ offset: null, value: 'null' });
  });

  test('may have its payload as a map of indefinite length', () => {
    const entries = Object.entries(nitroPayload(amazon, { timestamp: AT })).flatMap(([key, value]) => [
      cbor.text(key),
      value,
    ]);
    expect(failures(make({ payload: Buffer.concat([Buffer.of(0xbf), ...entries, Buffer.of(0xff)]) }))).toEqual([]);
  });

  test('claims debugging where PCR0 to PCR2 are zero or absent, and not where one is not', () => {
    const debug = (pcrs: DocumentParts['pcrs'] & object): boolean => {
      const parsed = nitro.parse(make({ pcrs }));
      if (!parsed.ok) throw new Error(parsed.error.detail);
      return (
        nitro.authenticate(parsed.value, { at: AT, roots, collateral: [], revocation: 'required' }).claims?.debug ??
        false
      );
    };
    expect(debug([0, 1, 2, 8].map((index) => [index, register(index === 8 ? 5 : 0)]))).toBe(true);
    expect(debug([[8, register(5)]])).toBe(true);
    expect(debug([0, 1, 2].map((index) => [index, register(index === 2 ? 5 : 0)]))).toBe(false);
  });
});

describe('attacks on a Nitro document', () => {
  test("the attacker's own tree in cabundle, well-formed and well signed", () => {
    const own = nitroAuthority(AT);
    expect(failures(make({}, own))).toEqual(['SIGNATURE Nitro root']);
    expect(
      failures(
        make({ cabundle: [amazon.root.certificate, ...own.authorities.slice(1).map((p) => p.certificate)] }, own),
      ),
    ).toEqual(['SIGNATURE Nitro signatures']);
    const appended = [...amazon.authorities, ...own.authorities].map(({ certificate }) => certificate);
    expect(failures(make({ cabundle: appended }, own))).toEqual([
      'SIGNATURE Nitro signatures',
      'SIGNATURE Nitro roles',
    ]);
  });

  test('another key than that of the certificate', () => {
    expect(failures(make({ signWith: nitroAuthority(AT).leaf }))).toEqual(['SIGNATURE Nitro signature']);
    expect(failures(make({ hash: 'sha256' }))).toEqual(['SIGNATURE Nitro signature']);
  });

  test('a leaf of another authority, a missing and a swapped authority', () => {
    const bundle = amazon.authorities.map(({ certificate }) => certificate);
    const [root, region, instance] = bundle as [Uint8Array, Uint8Array, Uint8Array];
    expect(failures(make({ cabundle: [root, region] }))).toEqual(['SIGNATURE Nitro signatures']);
    expect(failures(make({ cabundle: [root, instance, region] }))).toContain('SIGNATURE Nitro signatures');
    expect(failures(make({ cabundle: [instance, region, root] }))).toContain('SIGNATURE Nitro root');
    expect(failures(make({ cabundle: [region, instance] }))).toEqual([
      'SIGNATURE Nitro root',
      'SIGNATURE Nitro signatures',
    ]);
  });

  test.each([
    [
      'an authority that may not issue',
      'instance',
      { authority: undefined },
      ['SIGNATURE Nitro roles', 'SIGNATURE Nitro key usage'],
    ],
    [
      'a leaf that is an authority',
      'leaf',
      { authority: { pathLength: null }, keyUsage: 0b1000_0110 },
      ['SIGNATURE Nitro roles'],
    ],
    ['a path longer than allowed', 'region', { authority: { pathLength: 0 } }, ['SIGNATURE Nitro roles']],
    ['an authority without key usage', 'region', { keyUsage: null }, ['SIGNATURE Nitro key usage']],
    ['a leaf without key usage', 'leaf', { keyUsage: null }, ['SIGNATURE Nitro key usage']],
    [
      'a leaf that may not sign',
      'leaf',
      { keyUsage: 0b0000_0010 },
      ['SIGNATURE Nitro roles', 'SIGNATURE Nitro key usage'],
    ],
    [
      'a leaf that expired',
      'leaf',
      { notAfter: new Date(AT - 1000) },
      ['EXPIRED Nitro validity', 'MISMATCH Nitro timestamp'],
    ],
    ['an authority of tomorrow', 'region', { notBefore: new Date(AT + HOUR_MS) }, ['EXPIRED Nitro validity']],
  ] as const)('%s', (_, which, change, expected) => {
    const altered = nitroAuthority(AT, ({ name }) => (name === which ? change : {}));
    const anchors = { ...roots, nitro: [altered.root.fingerprint] };
    expect(failures(make({}, altered), AT, anchors)).toEqual(expected);
  });

  test('a leaf with a weaker key', () => {
    const keys = newKeys('p256-sha256');
    const weak = nitroAuthority(AT, ({ name }) => (name === 'leaf' ? { keys } : {}));
    expect(failures(make({}, weak), AT, { ...roots, nitro: [weak.root.fingerprint] })).toEqual([
      expect.stringMatching(/MALFORMED: .*96 bytes/),
    ]);
    const region = nitroAuthority(AT, ({ name }) => (name === 'region' ? { algorithm: 'p256-sha256' } : {}));
    expect(failures(make({}, region), AT, { ...roots, nitro: [region.root.fingerprint] })).toEqual([
      'SIGNATURE Nitro key usage',
    ]);
  });

  test('evaluated after its certificates, or made outside them', () => {
    expect(failures(make(), AT + 3 * HOUR_MS)).toEqual(['EXPIRED Nitro validity']);
    expect(failures(make({ timestamp: AT - 2 * HOUR_MS }))).toEqual(['MISMATCH Nitro timestamp']);
    expect(failures(make({ timestamp: AT + 2 * HOUR_MS + 1000 }))).toEqual(['MISMATCH Nitro timestamp']);
  });

  test('a root that is pinned for another vendor only', () => {
    expect(failures(make(), AT, { ...VENDOR_ROOTS, intel: [amazon.root.fingerprint] })).toEqual([
      'SIGNATURE Nitro root',
    ]);
  });

  const es = (algorithm: number): Buffer => cbor.map([cbor.integer(1), cbor.integer(algorithm)]);
  test.each([
    ['ES256 in the header', { protectedHeader: es(-7) }, 'SIGNATURE Nitro algorithm'],
    ['no algorithm at all', { protectedHeader: cbor.map() }, 'just an algorithm'],
    ['an empty protected header', { protectedHeader: Buffer.alloc(0) }, 'cut short'],
    ['an algorithm by name', { protectedHeader: cbor.map([cbor.integer(1), cbor.text('ES384')]) }, 'just an algorithm'],
    [
      'a kid beside it',
      { protectedHeader: cbor.map([cbor.integer(1), cbor.integer(-35)], [cbor.integer(4), cbor.text('k')]) },
      'just an algorithm',
    ],
    [
      'an algorithm twice',
      { protectedHeader: cbor.map([cbor.integer(1), cbor.integer(-7)], [cbor.integer(1), cbor.integer(-35)]) },
      'twice',
    ],
    ['an algorithm in the unprotected header', { unprotected: es(-35) }, 'unprotected header is not empty'],
    [
      'an algorithm in a long form',
      { protectedHeader: Buffer.from('a1013900 22'.replace(' ', ''), 'hex') },
      'shortest',
    ],
  ] as const)('%s', (_, parts, why) => {
    expect(failures(make(parts)).join()).toContain(why);
  });

  test('a header that is altered after signing', () => {
    const bytes = make();
    const at = Buffer.from(bytes).indexOf(Buffer.from('a1013822', 'hex'));
    bytes[at + 3] = 0x21;
    expect(failures(bytes)).toEqual(['SIGNATURE Nitro algorithm', 'SIGNATURE Nitro signature']);
  });

  const big = (length: number): Buffer => cbor.bytes(register(1, length));
  test.each([
    ['module_id', cbor.text(''), 'module_id'],
    ['module_id', cbor.bytes(register(1, 4)), 'module_id'],
    ['module_id', cbor.text('i'.repeat(257)), 'module_id'],
    ['digest', cbor.text('SHA256'), 'digest'],
    ['digest', cbor.text('sha384'), 'digest'],
    ['timestamp', cbor.integer(0), 'timestamp'],
    ['timestamp', cbor.integer(-5), 'timestamp'],
    ['timestamp', cbor.integer(2 ** 53 - 1), 'timestamp'],
    ['pcrs', cbor.map(), 'pcrs'],
    ['pcrs', cbor.array(), 'pcrs'],
    ['pcrs', cbor.map([cbor.integer(32), cbor.bytes(register(1))]), 'PCR index'],
    ['pcrs', cbor.map([cbor.integer(-1), cbor.bytes(register(1))]), 'PCR index'],
    ['pcrs', cbor.map([cbor.text('0'), cbor.bytes(register(1))]), 'PCR index'],
    ['pcrs', cbor.map([cbor.integer(0), cbor.bytes(register(1, 32))]), '48 bytes'],
    ['pcrs', cbor.map([cbor.integer(0), cbor.nothing]), '48 bytes'],
    ['pcrs', cbor.map([cbor.integer(0), cbor.bytes(register(0))], [cbor.integer(0), cbor.bytes(register(1))]), 'twice'],
    ['certificate', big(0), 'certificate'],
    ['certificate', big(1025), 'certificate'],
    ['certificate', big(12), 'DER'],
    ['cabundle', cbor.array(), 'cabundle'],
    ['cabundle', cbor.nothing, 'cabundle'],
    ['cabundle', cbor.array(...Array<Buffer>(17).fill(cbor.bytes(amazon.root.certificate))), 'cabundle'],
    ['cabundle', cbor.array(big(1025)), 'certificate of cabundle'],
    ['public_key', big(1025), 'public_key'],
    ['user_data', big(513), 'user_data'],
    ['nonce', big(513), 'nonce'],
    ['nonce', cbor.text('nonce'), 'nonce'],
    ['more', cbor.nothing, 'key that no document has'],
  ])('a payload with a bad %s is refused', (key, value, why) => {
    expect(failures(make({ fields: { [key]: value } })).join()).toMatch(
      new RegExp(`^MALFORMED: Nitro document: .*${why}`),
    );
  });

  test.each(['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle'])('a payload without %s', (key) => {
    expect(failures(make({ fields: { [key]: undefined } }))[0]).toMatch(/^MALFORMED/);
  });

  test('a payload with a key that stands twice, the second with other registers', () => {
    const own = nitroPayload(amazon, { timestamp: AT });
    const entries = [...Object.entries(own), ['pcrs', own['pcrs']] as [string, Buffer]];
    const payload = cbor.map(...entries.map(([key, value]) => [cbor.text(key), value] as const));
    expect(failures(make({ payload }))[0]).toContain('twice');
  });

  test('parts at their limits are accepted', () => {
    const all = Array.from({ length: 32 }, (_, index) => [index, register(index + 1)] as const);
    const fields = { public_key: big(1024), user_data: big(512), nonce: big(512) };
    expect(failures(make({ pcrs: all, fields }))).toEqual([]);
    expect(failures(make({ fields: { public_key: undefined, user_data: undefined, nonce: undefined } }))).toEqual([]);
  });

  test('bytes after it, bytes that lack, another shape', () => {
    const bytes = make();
    expect(failures(Uint8Array.of(...bytes, 0))[0]).toContain('1 bytes after');
    expect(failures(bytes.subarray(0, bytes.length - 1))[0]).toContain('cut short');
    expect(failures(new Uint8Array(65_537))[0]).toContain('64 KiB');
    expect(failures(Uint8Array.of(0xd1, ...bytes))[0]).toContain('another CBOR tag');
    expect(failures(new Uint8Array(cbor.array(cbor.nothing)))[0]).toContain('four parts');
  });
});

describe('the nitro section of a policy', () => {
  const zero = '00'.repeat(48);

  test.each([
    [{}, []],
    [{ pcrs: { 0: hex(1) } }, []],
    [{ pcrs: { 0: [zero, hex(1).toUpperCase()] } }, []],
    [{ pcrs: { 0: zero } }, ['MEASUREMENT PCR0']],
    [{ pcrs: { 1: hex(2), 2: hex(3) } }, []],
    [{ pcrs: { 0: hex(1), 16: zero } }, ['POLICY PCR16']],
    [{ pcrs: { 1: hex(3), 2: hex(3) } }, ['MEASUREMENT PCR1']],
    [{ pcrs: { 1: hex(3) } }, ['POLICY PCR1']],
    [{ signers: [hex(9)] }, []],
    [{ signers: [hex(8)] }, ['MEASUREMENT signer (PCR8)']],
    [{ iamRoles: [hex(4)], parentInstances: [hex(5)] }, []],
    [{ iamRoles: [hex(5)] }, ['INSTANCE IAM role (PCR3)']],
    [{ parentInstances: [hex(4)] }, ['INSTANCE parent instance (PCR4)']],
    [{ moduleIds: ['i-0fake'] }, []],
    [{ moduleIds: ['i-other', 'i-0fake-enc01'] }, []],
    [{ moduleIds: ['i-0fak'] }, ['INSTANCE module id']],
  ])('%j', (policy, expected) => {
    expect(appraised(policy)).toEqual(expected);
  });

  test('a document that lacks PCR0 does not equal a policy that wants it', () => {
    expect(appraised({ pcrs: { 0: hex(1) } }, { pcrs: [[1, register(1)]] })).toEqual(['MEASUREMENT PCR0']);
    expect(appraised({ signers: [hex(1)] }, { pcrs: [[1, register(1)]] })).toEqual(['MEASUREMENT signer (PCR8)']);
  });

  test('age and skew, both ends included', () => {
    const age = (seconds: number, policy = {}): string[] =>
      appraised({ ...policy }, { timestamp: AT - 1000 * seconds });
    expect([300, 0, -300].map((seconds) => age(seconds))).toEqual([[], [], []]);
    expect(age(301)).toEqual(['POLICY age of the document']);
    expect(age(-301)).toEqual(['POLICY age of the document']);
    expect(age(600, { maxAgeSeconds: 600 })).toEqual([]);
    expect(age(-600, { maxSkewSeconds: 600 })).toEqual([]);
  });

  test.each([
    [{ pcrs: [] }, 'not a mapping'],
    [{ pcrs: {} }, 'empty mapping'],
    [{ pcrs: { 32: hex(1) } }, 'index'],
    [{ pcrs: { '00': hex(1) } }, 'index'],
    [{ pcrs: { 0: 'ab' } }, '48 bytes'],
    [{ pcrs: { 0: [] } }, 'empty list'],
    [{ pcrs: { 0: null } }, 'not a list'],
    [{ signers: ['ab'] }, '48 bytes'],
    [{ maxAgeSeconds: -1 }, 'maxAgeSeconds'],
    [{ pcr: {} }, 'no such key'],
  ])('refuses %j', (policy, why) => {
    const read = readSection(nitro.policy, policy);
    expect(read.ok ? '' : read.error.join()).toContain(why);
  });

  test('left out it allows any program and five minutes', () => {
    expect(fallbackOf(nitro.policy)).toMatchObject({
      pcrs: null,
      maxAgeSeconds: 300,
      maxSkewSeconds: 300,
    });
  });
});

describe('the parser', () => {
  test('is total on mutated documents', () => {
    const original = make({ nonce: register(3, 32) });
    const place = fc.tuple(fc.nat(original.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 4 }), fc.nat(original.length), (changes, length) => {
        const bytes = Uint8Array.from(original);
        for (const [at, value] of changes) bytes[at] = value;
        for (const input of [bytes, bytes.subarray(0, length)]) {
          const parsed = nitro.parse(input);
          if (parsed.ok) nitro.fields(parsed.value);
          else expect(parsed.error.code).toBe('E-ATTEST-MALFORMED');
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('certificates of the authority are below the limit of a document', () => {
  expect(
    certify({ name: 'x', algorithm: 'p384-sha384', issuer: null, notBefore: new Date(AT), notAfter: new Date(AT) })
      .certificate.length,
  ).toBeLessThan(1024);
});

describe('what is AWS only', () => {
  /** What the check of keys and algorithms says. */
  const keyUsage = (authority: NitroAuthority): string => {
    const parsed = nitro.parse(make({}, authority));
    if (!parsed.ok) throw new Error(parsed.error.detail);
    const own = { ...VENDOR_ROOTS, nitro: [authority.root.fingerprint] };
    const inputs = { at: AT, roots: own, collateral: [], revocation: 'required' } as const;
    const { checks, claims } = nitro.authenticate(parsed.value, inputs);
    const check = checks.find(({ name }) => name === 'Nitro key usage');
    expect(claims === null).toBe(check?.passed === false);
    return check?.got ?? '';
  };
  const changed = (name: string, parts: object): NitroAuthority =>
    nitroAuthority(AT, (one) => (one.name === name ? parts : {}));

  test('keys on P-384, signatures with SHA-384, key usage stated', () => {
    expect(keyUsage(amazon)).toBe('as AWS issues them');
    expect(keyUsage(changed('instance', { algorithm: 'p256-sha256' }))).toBe(
      'leaf is signed by ECDSA with SHA256; instance has no P-384 key',
    );
    expect(keyUsage(changed('leaf', { keyUsage: null }))).toBe('leaf does not state its key usage');
    expect(keyUsage(changed('region', { keyUsage: null }))).toBe('region does not state its key usage');
  });

  test('a timestamp at either end of the time of its certificate', () => {
    for (const timestamp of [AT - HOUR_MS, AT + 2 * HOUR_MS]) expect(failures(make({ timestamp }))).toEqual([]);
  });

  test('the first four bytes, and no others', () => {
    const bytes = make();
    for (const [index, other] of [0x83, 0x64, 0xa2, 2].entries()) {
      expect(nitro.recognises(bytes.with(index, other)), `byte ${index}`).toBe(false);
    }
    expect(nitro.recognises(Uint8Array.of(0xd3, ...bytes))).toBe(false);
    expect(nitro.recognises(bytes.subarray(0, 3))).toBe(false);
  });

  test('registers in the order of their numbers, debugging only where all of 0 to 2 are zero', () => {
    const claimsWith = (pcrs: DocumentParts['pcrs']) => {
      const parsed = nitro.parse(make(pcrs === undefined ? {} : { pcrs }));
      if (!parsed.ok) throw new Error(parsed.error.detail);
      const { claims } = nitro.authenticate(parsed.value, { at: AT, roots, collateral: [], revocation: 'required' });
      return claims;
    };
    const order = [4, 0, 10, 2].map((index) => [index, register(index)] as const);
    expect(Object.keys(claimsWith(order)?.measurements ?? {})).toEqual(['PCR0', 'PCR2', 'PCR4', 'PCR10']);
    expect(claimsWith([0, 1, 2].map((index) => [index, register(0)] as const))?.debug).toBe(true);
    const one = register(0).with(47, 1);
    expect(claimsWith([0, 1, 2].map((index) => [index, index === 2 ? one : register(0)] as const))?.debug).toBe(false);
  });
});
