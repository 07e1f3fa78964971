import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { documentPolicy, POLICY_FORMAT, readPolicy, type Policy } from '../../../../lib/attestation/policy/policy.ts';
import { PLATFORMS } from '../../../../lib/attestation/platforms.ts';

const hex = '5c'.repeat(48);

function read(document: unknown): Policy {
  const result = readPolicy(document);
  if (!result.ok) throw new Error(result.error.map(({ detail }) => detail).join('; '));
  return result.value;
}
const faults = (document: unknown): string[] => {
  const result = readPolicy(document);
  return result.ok ? [] : result.error.map(({ code, detail }) => `${code} ${detail}`);
};

describe('a policy document', () => {
  test('may say nothing: then no platform is allowed, and every key has its default', () => {
    const policy = read({ format: POLICY_FORMAT });
    expect(policy).toMatchObject({
      platforms: [],
      revocation: 'required',
      maxCollateralAgeDays: null,
      simulation: false,
    });
    for (const { format } of PLATFORMS) expect(policy.sections[format]).toBeDefined();
  });

  test('allows the platforms that have a section, or those it lists', () => {
    expect(read({ format: POLICY_FORMAT, nitro: { pcrs: { 0: hex } } }).platforms).toEqual(['nitro']);
    expect(read({ format: POLICY_FORMAT, platforms: ['tdx'], nitro: { pcrs: { 0: hex } } }).platforms).toEqual(['tdx']);
    expect(read({ format: POLICY_FORMAT, platforms: ['tdx', 'nitro'] }).platforms).toEqual(['tdx', 'nitro']);
  });

  test('is read from YAML', () => {
    const policy = read(
      parse(`
format: ${POLICY_FORMAT}
revocation: accept-absent
maxCollateralAgeDays: 14
nitro:
  pcrs: { 0: [${hex.toUpperCase()}] }
  maxAgeSeconds: 120
`),
    );
    expect(policy).toMatchObject({ revocation: 'accept-absent', maxCollateralAgeDays: 14 });
    expect(policy.sections.nitro).toMatchObject({
      pcrs: new Map([[0, [hex]]]),
      maxAgeSeconds: 120,
      maxSkewSeconds: 300,
    });
  });

  test('has an id that depends on its content and not on the order of its keys', () => {
    const one = read({ format: POLICY_FORMAT, simulation: false, anyProgram: true });
    expect(one.id).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(read({ anyProgram: true, simulation: false, format: POLICY_FORMAT }).id).toBe(one.id);
    expect(read({ anyProgram: false, simulation: false, format: POLICY_FORMAT }).id).not.toBe(one.id);
  });

  test('is refused with every bad key and its path', () => {
    expect(
      faults({
        format: 'consilium/attestation-policy/v2',
        platforms: ['nitro', 'vax'],
        revocation: 'optional',
        maxCollateralAgeDays: 0,
        simulation: 'no',
        colour: 'blue',
        nitro: { pcrs: { 0: 'ab' }, speed: 1 },
      }),
    ).toEqual([
      `E-POLICY-INVALID format: want ${POLICY_FORMAT}`,
      expect.stringMatching(/^E-POLICY-INVALID colour: no such key; known: platforms, /),
      expect.stringMatching(/^E-POLICY-INVALID platforms: item 2: /),
      expect.stringMatching(/^E-POLICY-INVALID revocation: /),
      expect.stringMatching(/^E-POLICY-INVALID maxCollateralAgeDays: /),
      expect.stringMatching(/^E-POLICY-INVALID simulation: /),
      expect.stringMatching(/^E-POLICY-INVALID nitro\.speed: no such key/),
      expect.stringMatching(/^E-POLICY-INVALID nitro\.pcrs: 0: /),
    ]);
  });

  test('is refused, not thrown out, with text that no digest can be taken of', () => {
    const document = { format: POLICY_FORMAT, nitro: { moduleIds: ['\ud800'] } };
    expect(faults(document)).toEqual([expect.stringMatching(/^E-POLICY-INVALID nitro\.moduleIds: item 1: /)]);
  });

  test.each([[null], [[]], ['nitro'], [7], [undefined], [{}], [{ format: POLICY_FORMAT, nitro: null }]])(
    'refuses %j',
    (document) => {
      expect(faults(document)).toHaveLength(1);
    },
  );

  test('names from the prototype are no sections and no keys', () => {
    expect(faults(JSON.parse(`{"format":"${POLICY_FORMAT}","__proto__":{"nitro":{}},"toString":1}`))).toHaveLength(2);
  });
});

describe('the documentation of the policy language', () => {
  const sections = documentPolicy();

  test('has the common keys and one section for each platform', () => {
    expect(sections.map(({ format }) => format)).toEqual([null, ...PLATFORMS.map(({ format }) => format)]);
    expect(sections[0]?.keys.map(({ path }) => path)).toEqual([
      ...['platforms', 'revocation', 'maxCollateralAgeDays', 'anyProgram', 'simulation'],
    ]);
  });

  test.each(sections.flatMap(({ format, keys }) => keys.map((key) => [key.path, format, key] as const)))(
    '%s: whole sentences, and an example that is accepted',
    (path, format, { about, accepts, otherwise, example }) => {
      expect(about).toMatch(/^[A-Z`].*[.*]$/s);
      for (const text of [accepts, otherwise, example]) expect(text).not.toBe('');
      const key = path.split('.').at(-1) ?? '';
      // Long digests may be cut short with "…".
      const digits = 'ab'.repeat(Number(/(\d+)-byte/.exec(accepts)?.[1] ?? 0));
      const value = parse(`${key}: ${example.replaceAll(/[0-9a-f]*…(?: \(\d+ bytes\))?/g, digits)}`) as Record<
        string,
        unknown
      >;
      expect(faults({ format: POLICY_FORMAT, ...(format === null ? value : { [format]: value }) })).toEqual([]);
    },
  );
});
