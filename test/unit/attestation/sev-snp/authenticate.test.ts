import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuthenticationInputs } from '../../../../lib/attestation/authentication.ts';
import type { Collateral } from '../../../../lib/attestation/collateral/collateral.ts';
import type { SnpClaims } from '../../../../lib/attestation/sev-snp/claims.ts';
import { PRODUCTS, type Product } from '../../../../lib/attestation/sev-snp/product.ts';
import { sevSnp } from '../../../../lib/attestation/sev-snp/sev-snp.ts';
import { concatBytes } from '../../../../lib/core/bytes.ts';
import {
  AMD_AT,
  TABLE_GUID,
  TCB,
  TURIN_TCB,
  amdAuthority,
  amdList,
  certificateTable,
  chipIdOf,
  chipKey,
  collateralOf,
  rootsOf,
  snpReport,
  type AmdAuthority,
  type ChipKeyParts,
  type ReportParts,
} from '../../../authorities/amd-authority.ts';
import type { SigningParty } from '../../../authorities/x509-authority.ts';

const authorities: Readonly<Record<Product, AmdAuthority>> = {
  milan: amdAuthority('milan'),
  genoa: amdAuthority('genoa'),
  turin: amdAuthority('turin'),
};
const roots = rootsOf(...Object.values(authorities));
const { genoa, turin } = authorities;
const serialOf = ({ certificate }: SigningParty): string => {
  // SEQUENCE, SEQUENCE, [0] version, INTEGER: the serial number is at a fixed place.
  const at = certificate.indexOf(0x02, 13);
  return Buffer.from(certificate.subarray(at + 2, at + 2 + (certificate[at + 1] ?? 0))).toString('hex');
};

interface Verdict {
  readonly failed: readonly string[];
  readonly missing: readonly string[];
  readonly notes: readonly string[];
  readonly claims: SnpClaims | null;
}

function verdict(evidence: Uint8Array, collateral: Collateral, inputs: Partial<AuthenticationInputs> = {}): Verdict {
  const parsed = sevSnp.parse(evidence);
  if (!parsed.ok) return { failed: [`${parsed.error.code} parse`], missing: [], notes: [], claims: null };
  const { claims, checks } = sevSnp.authenticate(parsed.value, {
    at: AMD_AT,
    roots,
    collateral,
    revocation: 'accept-absent',
    ...inputs,
  });
  return {
    failed: checks
      .filter(({ passed, missing }) => !passed && missing !== true)
      .map(({ code, name }) => `${code} ${name}`),
    missing: checks.filter(({ missing }) => missing === true).map(({ name }) => name),
    notes: checks.filter(({ passed }) => passed).map(({ got }) => got),
    claims,
  };
}

const tcbOf = (product: Product): Uint8Array => (product === 'turin' ? TURIN_TCB : TCB);

interface Machine {
  readonly product?: Product;
  readonly kind?: 'VCEK' | 'VLEK';
  readonly key?: Partial<ChipKeyParts>;
  readonly report?: ReportParts;
}

/** A machine of one product, its report, and all the certificates that belong to it. */
function machine({ product = 'genoa', kind = 'VCEK', key = {}, report = {} }: Machine = {}) {
  const authority = authorities[product];
  const tcb = tcbOf(product);
  const leaf = chipKey({ authority, kind, tcb, ...key });
  const evidence = snpReport(leaf, {
    product,
    tcb,
    signingKey: kind === 'VLEK' ? 1 : 0,
    ...(kind === 'VLEK' ? { chipId: new Uint8Array(64), maskChipKey: true } : {}),
    ...report,
  });
  const issuer = kind === 'VCEK' ? authority.ask : authority.asvk;
  return { leaf, evidence, collateral: collateralOf(leaf, issuer, authority.ark) };
}

const failuresOf = (parts: Machine): readonly string[] => {
  const { evidence, collateral } = machine(parts);
  return verdict(evidence, collateral).failed;
};

const MISMATCH = 'E-ATTEST-MISMATCH';
const SIGNATURE = 'E-ATTEST-SIGNATURE';

describe('SEV-SNP evidence of machines of a fake AMD', () => {
  const every = PRODUCTS.flatMap((product) =>
    (['VCEK', 'VLEK'] as const).flatMap((kind) => [2, 3, 4, 5].map((version) => ({ product, kind, version }))),
  );

  it.each(every)('$product, $kind, version $version is authentic', ({ product, kind, version }) => {
    const { evidence, collateral } = machine({ product, kind, report: { version } });
    const { failed, missing, claims } = verdict(evidence, [...collateral, amdList(authorities[product].ark)], {
      revocation: 'required',
    });
    expect({ failed, missing }).toEqual({ failed: [], missing: [] });
    expect(claims).toMatchObject({ line: product, debug: false, nonce: null });
    expect(claims?.instance ?? null).toBe(kind === 'VLEK' ? null : Buffer.from(chipIdOf(product)).toString('hex'));
    expect(claims?.details['provider']).toBe(kind === 'VLEK' ? 'CN=cloud.example' : null);
    expect(claims?.tcb.launch).toEqual(
      product === 'turin'
        ? { fmc: 1, bootloader: 2, tee: 3, snp: 4, microcode: 81 }
        : { bootloader: 3, tee: 2, snp: 8, microcode: 115 },
    );
  });

  it('says when the guest may be debugged', () => {
    const { evidence, collateral } = machine({ report: { policy: 0xb0000n } });
    expect(verdict(evidence, collateral).claims?.debug).toBe(true);
  });

  it('takes its certificates from the table of the host as well', () => {
    const { leaf, evidence } = machine();
    const table = certificateTable([
      [TABLE_GUID.VCEK, leaf.certificate],
      [TABLE_GUID.ASK, genoa.ask.certificate],
      [TABLE_GUID.ARK, genoa.ark.certificate],
    ]);
    expect(verdict(concatBytes(evidence, table), []).failed).toEqual([]);
  });

  it('picks the certificate that fits out of those of many machines', () => {
    const others = [1, 2, 3].map((chip) => chipKey({ authority: genoa, hardwareId: new Uint8Array(64).fill(chip) }));
    const { evidence, collateral } = machine();
    expect(verdict(evidence, [...collateralOf(...others, turin.ark, turin.ask), ...collateral]).failed).toEqual([]);
  });

  it('prefers the pinned root over another of its name and key', () => {
    const { evidence, collateral } = machine();
    expect(verdict(evidence, [...collateralOf(amdAuthority('genoa').ark), ...collateral]).failed).toEqual([]);
  });

  it('reads a hardware id inside an OCTET STRING', () => {
    const hardwareId = concatBytes(new Uint8Array([4, 64]), chipIdOf('genoa'));
    expect(failuresOf({ key: { hardwareId } })).toEqual([]);
    expect(failuresOf({ key: { hardwareId: hardwareId.with(1, 63) } })).toEqual([`${MISMATCH} chip id`]);
  });

  it('reads a product name with a stepping', () => {
    expect(failuresOf({ key: { productName: 'Genoa-B1' } })).toEqual([]);
    for (const productName of ['Genoa-', 'Genoa-B1x', 'GenoaB1', 'genoa', 'Milan', '']) {
      expect(failuresOf({ key: { productName } })).toEqual([`${MISMATCH} certificate product`]);
    }
  });
});

describe('SEV-SNP evidence that contradicts itself or its certificates', () => {
  it.each(['3.1', '3.2', '3.3', '3.4', '3.5', '3.6', '3.7', '3.8'])(
    'a certificate without the security version %s',
    (arcs) => {
      expect(failuresOf({ key: { without: [arcs] } })).toEqual([`${MISMATCH} certificate TCB`]);
    },
  );

  it.each(['3.1', '3.2', '3.3', '3.5', '3.6', '3.7', '3.8', '3.9'])(
    'a Turin certificate without the security version %s',
    (arcs) => {
      expect(failuresOf({ product: 'turin', key: { without: [arcs] } })).toEqual([`${MISMATCH} certificate TCB`]);
    },
  );

  it.each([0, 1, 2, 5, 6, 7])('a certificate with another security version in byte %d', (index) => {
    const tcb = TCB.with(index, (TCB[index] ?? 0) + 1);
    expect(failuresOf({ key: { tcb } })).toEqual([`${MISMATCH} certificate TCB`]);
    expect(failuresOf({ kind: 'VLEK', key: { tcb } })).toEqual([`${MISMATCH} certificate TCB`]);
  });

  it.each([
    [0x02, 0x02, 0x01, 0x00],
    [0x02, 0x01, 0xff],
    [0x02, 0x02, 0x00, 0x00],
    [0x04, 0x01, 0x00],
    [0x02, 0x01, 0x00, 0x00],
    [],
  ])('a security version that is no number from 0 to 255 (%#)', (...value) => {
    // Byte 2 of the report is 0, which an unreadable number must not be taken for.
    expect(failuresOf({ key: { instead: { '3.4': Uint8Array.from(value) } } })).toEqual([
      `${MISMATCH} certificate TCB`,
    ]);
  });

  it('a certificate without a product name', () => {
    expect(failuresOf({ key: { without: ['2'] } })).toEqual([`${MISMATCH} certificate product`]);
  });

  it('a certificate without a hardware id is no certificate of a chip', () => {
    const { evidence, collateral } = machine({ key: { without: ['4'] } });
    expect(verdict(evidence, collateral).missing).toContain('VCEK certificate');
  });

  it.each<[string, Machine]>([
    ['another chip', { key: { hardwareId: new Uint8Array(64).fill(7) } }],
    ['a hardware id of Turin’s length', { key: { hardwareId: new Uint8Array(8).fill(0xc5) } }],
    ['a report with a masked chip id', { report: { chipId: new Uint8Array(64) } }],
    [
      'a masked chip id on both sides',
      { report: { chipId: new Uint8Array(64) }, key: { hardwareId: new Uint8Array(64) } },
    ],
    ['a masked chip key', { report: { maskChipKey: true } }],
    ['a chip id after Turin’s 8 bytes', { product: 'turin', report: { chipId: new Uint8Array(64).fill(0xc5) } }],
    ['a VLEK that shows the chip although its key is masked', { kind: 'VLEK', report: { chipId: chipIdOf('genoa') } }],
  ])('the chip id: %s', (_, parts) => {
    expect(failuresOf(parts)).toEqual([`${MISMATCH} chip id`]);
  });

  it('a VLEK may show the chip whose key is not masked', () => {
    const parts = { kind: 'VLEK', report: { chipId: chipIdOf('genoa'), maskChipKey: false } } as const;
    expect(failuresOf(parts)).toEqual([]);
    expect(failuresOf({ kind: 'VLEK', report: { maskChipKey: false } })).toEqual([]);
  });

  it.each<[string, ReportParts]>([
    ['reported above committed', { committed: TCB.with(7, 114) }],
    ['committed above current', { current: TCB.with(6, 7) }],
    ['launch above current', { launch: TCB.with(0, 4) }],
    ['committed firmware above current (build)', { committedVersion: [41, 55, 1] }],
    ['committed firmware above current (minor)', { committedVersion: [0, 56, 1] }],
    ['committed firmware above current (major)', { committedVersion: [0, 0, 2] }],
  ])('the order of versions: %s', (_, report) => {
    expect(failuresOf({ report })).toEqual([`${MISMATCH} version order`]);
  });

  it('an older committed, reported and launch version is in order', () => {
    const low = new Uint8Array(8);
    expect(failuresOf({ report: { current: TCB.with(7, 200), launch: low, committedVersion: [255, 54, 1] } })).toEqual(
      [],
    );
  });
});

describe('SEV-SNP evidence that is not signed as AMD signs', () => {
  it('a report signed by another key', () => {
    const { collateral } = machine();
    expect(verdict(machine().evidence, collateral).failed).toEqual([`${SIGNATURE} report signature`]);
  });

  it.each([2, 3, 6, 7])('signing key %d', (signingKey) => {
    expect(failuresOf({ report: { signingKey } })).toEqual(
      expect.arrayContaining([`${SIGNATURE} signing key`, `${MISMATCH} certificate type`]),
    );
  });

  it('a report that claims the other kind of key', () => {
    expect(failuresOf({ report: { signingKey: 1 } })).toEqual([
      `${MISMATCH} VLEK issuer`,
      `${MISMATCH} certificate type`,
    ]);
    expect(
      failuresOf({ kind: 'VLEK', report: { signingKey: 0, chipId: chipIdOf('genoa'), maskChipKey: false } }),
    ).toEqual([`${MISMATCH} VCEK issuer`, `${MISMATCH} certificate type`, `${MISMATCH} chip id`]);
  });

  it('a VCEK issued by the authority for VLEKs', () => {
    const { leaf, evidence } = machine({ key: { issuer: genoa.asvk } });
    expect(verdict(evidence, collateralOf(leaf, genoa.asvk, genoa.ark)).failed).toEqual([`${MISMATCH} VCEK issuer`]);
  });

  it('a chain of another product, whose root is pinned too', () => {
    const leaf = chipKey({ authority: turin, tcb: TURIN_TCB });
    const evidence = snpReport(leaf, { product: 'genoa', tcb: TURIN_TCB });
    expect(verdict(evidence, collateralOf(leaf, turin.ask, turin.ark)).failed).toEqual([
      `${SIGNATURE} VCEK root`,
      `${MISMATCH} VCEK issuer`,
      `${MISMATCH} certificate product`,
      `${MISMATCH} certificate TCB`,
      `${MISMATCH} chip id`,
    ]);
  });

  it('a report of version 2 belongs to the product of its chain, which its certificate must name', () => {
    const leaf = chipKey({ authority: genoa, productName: 'Milan' });
    const evidence = snpReport(leaf, { version: 2, product: 'genoa' });
    expect(verdict(evidence, collateralOf(leaf, genoa.ask, genoa.ark)).failed).toEqual([
      `${MISMATCH} certificate product`,
    ]);
  });

  it('an authority of the same name that nobody pinned', () => {
    const twin = amdAuthority('genoa');
    const leaf = chipKey({ authority: twin });
    expect(verdict(snpReport(leaf), collateralOf(leaf, twin.ask, twin.ark)).failed).toEqual([`${SIGNATURE} VCEK root`]);
    expect(verdict(snpReport(leaf), collateralOf(leaf, twin.ask, genoa.ark)).failed).toEqual([]);
  });

  it.each<[string, readonly [number, number, number]]>([
    ['AMD Venice (family 0x1a, model 0x50)', [0x1a, 0x50, 0]],
    ['AMD Venice (family 0x1a, model 0xc7)', [0x1a, 0xc7, 0]],
    ['an unknown processor (family 0x1a, model 0x12)', [0x1a, 0x12, 0]],
    ['an unknown processor (family 0x17, model 0x1)', [0x17, 0x01, 0]],
  ])('a processor without a pinned root: %s', (name, cpu) => {
    const { evidence, collateral } = machine({ report: { cpu } });
    const parsed = sevSnp.parse(evidence);
    if (!parsed.ok) throw new Error(parsed.error.detail);
    const inputs: AuthenticationInputs = { at: AMD_AT, roots, collateral, revocation: 'accept-absent' };
    const { claims, checks } = sevSnp.authenticate(parsed.value, inputs);
    expect(claims).toBeNull();
    expect(checks[0]).toMatchObject({ name: 'product', passed: false, got: name, code: SIGNATURE });
    expect(sevSnp.fields(parsed.value).find((field) => field.name === 'report.CPUID_FAM_ID')?.meaning).toBe(name);
  });

  it.each<[number, string]>([
    [0x0f, 'milan'],
    [0x10, 'genoa'],
    [0x1f, 'genoa'],
    [0xa0, 'bergamo-siena'],
    [0xaf, 'bergamo-siena'],
  ])('family 0x19 model %d is %s', (model, line) => {
    const product = line === 'milan' ? 'milan' : 'genoa';
    const { evidence, collateral } = machine({ product, report: { cpu: [0x19, model, 0] } });
    expect(verdict(evidence, collateral).claims?.line).toBe(line);
  });
});

describe('AMD revocation lists', () => {
  const { evidence, collateral, leaf } = machine();
  const withLists = (...lists: Collateral) => verdict(evidence, [...collateral, ...lists], { revocation: 'required' });
  const LIST = 'E-ATTEST-COLLATERAL-INVALID revocation list';

  it('are needed, unless the policy accepts their absence', () => {
    expect(withLists()).toMatchObject({ failed: [], missing: ['revocation list'] });
    const accepted = verdict(evidence, collateral);
    expect(accepted).toMatchObject({ failed: [], missing: [] });
    expect(accepted.notes).toContain('revocation: not available');
    expect(accepted.claims).not.toBeNull();
  });

  it('clear a machine that they do not name', () => {
    const { failed, missing, notes } = withLists(amdList(genoa.ark, ['77']));
    expect({ failed, missing }).toEqual({ failed: [], missing: [] });
    expect(notes).toContain('not revoked');
  });

  it('revoke the authority of the signing key', () => {
    const revoked = withLists(amdList(genoa.ark, [serialOf(genoa.ask)]));
    expect(revoked.failed).toEqual(['E-ATTEST-REVOKED revocation']);
    expect(revoked.claims).toBeNull();
    const vlek = machine({ kind: 'VLEK' });
    expect(verdict(vlek.evidence, [...vlek.collateral, amdList(genoa.ark, [serialOf(genoa.asvk)])]).failed).toEqual([
      'E-ATTEST-REVOKED revocation',
    ]);
    expect(withLists(amdList(genoa.ark, [serialOf(genoa.asvk)])).failed).toEqual([]);
  });

  it('revoke the signing key, whose serial number is 0', () => {
    expect(serialOf(leaf)).toBe('00');
    expect(withLists(amdList(genoa.ark, ['00'])).failed).toEqual(['E-ATTEST-REVOKED revocation']);
  });

  it('are checked also where none is demanded', () => {
    expect(verdict(evidence, [...collateral, amdList(genoa.ark, ['00'])]).failed).toEqual([
      'E-ATTEST-REVOKED revocation',
    ]);
    expect(verdict(evidence, [...collateral, amdList(genoa.ark, [], '2026-05-31')]).failed).toEqual([LIST]);
  });

  it('of other issuers say nothing', () => {
    expect(withLists(amdList(turin.ark, ['00']))).toMatchObject({ failed: [], missing: ['revocation list'] });
    expect(withLists(amdList(genoa.ask, ['00']))).toMatchObject({ failed: [], missing: ['revocation list'] });
  });

  it.each<[string, () => Collateral[number]]>([
    ['expired', () => amdList(genoa.ark, [], '2026-05-31')],
    ['signed by another key', () => amdList({ ...genoa.ark, privateKey: genoa.ask.privateKey })],
    ['altered', () => ({ kind: 'revocation-list', der: flipLast(amdList(genoa.ark)) })],
    ['unreadable', () => ({ kind: 'revocation-list', der: new Uint8Array([0x30, 1, 0]) })],
  ])('that are %s are refused, also beside a good one', (_, list) => {
    expect(withLists(list()).failed).toEqual([LIST]);
    expect(withLists(amdList(genoa.ark), list()).failed).toEqual([LIST]);
  });

  it('from the future are refused', () => {
    const { failed } = verdict(evidence, [...collateral, amdList(genoa.ark)], {
      at: Date.parse('2026-05-19T00:00:00Z'),
    });
    expect(failed).toEqual([LIST]);
  });

  it('in the table of the host count where the verifier has none', () => {
    const tableWith = (list: Collateral[number]) =>
      concatBytes(evidence, certificateTable([[TABLE_GUID.CRL, 'der' in list ? list.der : new Uint8Array()]]));
    const bad = tableWith(amdList(genoa.ark, ['00']));
    expect(verdict(bad, collateral).failed).toEqual(['E-ATTEST-REVOKED revocation']);
    expect(verdict(bad, [...collateral, amdList(genoa.ark)]).failed).toEqual([]);
    expect(verdict(tableWith({ kind: 'revocation-list', der: new Uint8Array([5, 0]) }), collateral).failed).toEqual([
      LIST,
    ]);
    expect(verdict(tableWith(amdList(genoa.ark)), collateral, { revocation: 'required' })).toMatchObject({
      failed: [],
      missing: [],
    });
  });
});

const flipLast = (item: Collateral[number]): Uint8Array => {
  const der = 'der' in item ? item.der.slice() : new Uint8Array();
  return der.with(der.length - 1, (der[der.length - 1] ?? 0) ^ 1);
};

describe('the layout of a report', () => {
  it.each<[string, (bytes: Buffer) => void, number?]>([
    ['version 1', (bytes) => bytes.writeUInt32LE(1, 0)],
    ['version 6', (bytes) => bytes.writeUInt32LE(6, 0)],
    ['a version that is 5 in its low byte only', (bytes) => bytes.writeUInt32LE(0x105, 0)],
    ['policy bit 17 clear', (bytes) => bytes.writeUInt32LE(0x10000, 8)],
    ['policy bit 26 set', (bytes) => bytes.writeUInt32LE(0x4030000, 8)],
    ['policy bit 63 set', (bytes) => bytes.writeUInt8(0x80, 15)],
    ['VMPL 4', (bytes) => bytes.writeUInt32LE(4, 0x30)],
    ['signature algorithm 0', (bytes) => bytes.writeUInt32LE(0, 0x34)],
    ['signature algorithm 2', (bytes) => bytes.writeUInt32LE(2, 0x34)],
    ['key information bit 5', (bytes) => bytes.writeUInt8(0x20, 0x48)],
    ['key information bit 31', (bytes) => bytes.writeUInt8(0x80, 0x4b)],
    ['reserved 0x4c', (bytes) => bytes.writeUInt8(1, 0x4c)],
    ['reserved 0x18b', (bytes) => bytes.writeUInt8(1, 0x18b)],
    ['reserved 0x19f', (bytes) => bytes.writeUInt8(1, 0x19f)],
    ['reserved 0x1eb', (bytes) => bytes.writeUInt8(1, 0x1eb)],
    ['reserved 0x1ef', (bytes) => bytes.writeUInt8(1, 0x1ef)],
    ['reserved 0x208', (bytes) => bytes.writeUInt8(1, 0x208)],
    ['reserved 0x29f', (bytes) => bytes.writeUInt8(1, 0x29f)],
    ['CPUID in version 2', (bytes) => bytes.writeUInt8(0x19, 0x188), 2],
    ['a mitigation vector in version 4', (bytes) => bytes.writeUInt8(1, 0x1f8), 4],
  ])('refuses %s', (_, alter, version = 5) => {
    const { evidence } = machine({ report: { version, alter } });
    expect(verdict(evidence, []).failed).toEqual(['E-ATTEST-MALFORMED parse']);
  });

  it.each([0x2a0 + 48, 0x2a0 + 71, 0x2e8 + 48, 0x2e8 + 71, 0x330, 0x49f])(
    'refuses a signature with byte %d set',
    (at) => {
      expect(verdict(machine().evidence.with(at, 1), []).failed).toEqual(['E-ATTEST-MALFORMED parse']);
    },
  );

  it('lets bits of PLATFORM_INFO pass that it does not know', () => {
    const { evidence, collateral } = machine({ report: { platformInfo: 0x8000_0000_0000_0125n } });
    expect(verdict(evidence, collateral).claims?.details['platform']).toEqual([
      'smtEnabled',
      'eccEnabled',
      'aliasCheckComplete',
      'bit 8',
      'bit 63',
    ]);
  });

  it('reads the message of the firmware, and nothing after its report but zeros', () => {
    const { evidence, collateral } = machine();
    const header = Buffer.alloc(32);
    header.writeUInt32LE(1184, 4);
    const message = concatBytes(header, evidence, new Uint8Array(100));
    expect(verdict(message, collateral).failed).toEqual([]);
    expect(sevSnp.recognises(message)).toBe(true);
    for (const [at, byte] of [
      [0, 1],
      [4, 0],
      [31, 1],
      [1299, 1],
    ] as const) {
      expect(verdict(message.with(at, byte), collateral).failed).toEqual(['E-ATTEST-MALFORMED parse']);
    }
  });

  it('never throws, whatever the bytes', () => {
    const { leaf, evidence, collateral } = machine();
    const whole = concatBytes(evidence, certificateTable([[TABLE_GUID.VCEK, leaf.certificate]]));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.option(fc.nat(whole.length)),
        (changes, end) => {
          const copy = whole.slice();
          for (const [at, byte] of changes) copy[at] = byte;
          const { failed, claims } = verdict(copy.subarray(0, end ?? whole.length), collateral);
          expect(failed.every((name) => name.startsWith('E-ATTEST-'))).toBe(true);
          const parsed = sevSnp.parse(copy);
          if (parsed.ok) sevSnp.fields(parsed.value);
          if (copy.subarray(0, 1184).some((byte, at) => byte !== evidence[at])) expect(claims).toBeNull();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('refuses every change of a byte of the certificates', () => {
    const { evidence, collateral } = machine();
    collateral.forEach((item, index) => {
      if (item.kind !== 'certificate') return;
      for (let at = index; at < item.der.length; at += 31) {
        const altered = { ...item, der: item.der.with(at, (item.der[at] ?? 0) ^ 1) };
        const { failed, missing } = verdict(evidence, collateral.with(index, altered));
        expect([...failed, ...missing]).not.toEqual([]);
      }
    });
  });
});
