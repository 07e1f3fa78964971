import { describe, expect, it } from 'vitest';
import { acceptItems, EMPTY_STATE } from '../../../lib/attestation/collateral/collateral-state.ts';
import type { CollateralItem } from '../../../lib/attestation/collateral/collateral.ts';
import { certificatesIn, describeItem } from '../../../lib/attestation/collateral/describe-item.ts';
import { readCollateral } from '../../../lib/attestation/collateral/read-collateral.ts';
import { VENDOR_ROOTS } from '../../../lib/attestation/trust/vendor-roots.ts';
import { evidenceVectorsAbsent, vectorBytes, vectorFiles } from './evidence-vectors.ts';

const given = ['roots', 'sev-snp', 'sgx', 'tdx', 'nvidia'].flatMap((folder) =>
  vectorFiles(folder).flatMap((path) => {
    const read = readCollateral(vectorBytes(path), path);
    return read.ok ? read.value.map((item) => ({ path, item })) : [];
  }),
);
const certificates = certificatesIn(given.map(({ item }) => item));
const described = given.map(({ path, item }) => ({
  path,
  item,
  facts: describeItem(item, { certificates, roots: VENDOR_ROOTS }),
}));

/** In these folders and files lies what chains to another root than a vendor's, or was altered. */
const FOREIGN = /\/intel\+|ca-certs\/|confidential_space_root|gcp-root-ca|vcek-invalid|incorrect_rim_root/;
const RIM_ATTACKS =
  /incorrect_|535\.86\.09_measurement_mismatch|570\.124\.03_expired|96105[0-9]+_(?:invalid_signature|measurement)/;
/** Version 2 of TCB info names no advisories; this product never reads it. */
const OLD_FORM = /0625\/tcbinfo\.json$/;

describe.skipIf(evidenceVectorsAbsent)('real collateral', () => {
  it('is believed wherever the vendor signed it, without a clock, and nothing else is', () => {
    const wanted = (path: string): boolean => !FOREIGN.test(path) && !RIM_ATTACKS.test(path) && !OLD_FORM.test(path);
    expect(described.filter(({ path, facts }) => facts.ok !== wanted(path)).map(({ path }) => path)).toEqual([]);
    const count = (kind: CollateralItem['kind']): number =>
      described.filter(({ item, facts }) => item.kind === kind && facts.ok).length;
    expect([count('intel-tcb-info'), count('intel-qe-identity'), count('revocation-list'), count('rim')]).toEqual([
      17, 13, 13, 29,
    ]);
  });

  it.each([
    ['testdata/sample_tcbInfo_response', 'TDX FMSPC 50806f000000 PCEID 0000', '2023-06-18', '2023-07-18', 15n],
    ['testdata/sample_qeIdentity_response', 'TDX', '2023-06-08', '2023-07-08', 15n],
    ['testdata/sample_tcbinfo_response_v5', 'TDX FMSPC 90c06f000000 PCEID 0000', '2026-02-01', '2026-03-03', 18n],
    ['collateral/root_ca_crl.der', 'Intel SGX Root CA', '2026-02-26', '2027-02-26', 1n],
    ['live-vcek-genoa.der', 'SEV-VCEK, chip b5f9a4c8280e63c9…', '2026-02-17', '2033-02-17', null],
  ])('%s', (name, about, issued, until, number) => {
    const found = described.find(({ path }) => path.endsWith(name))?.facts;
    expect(found).toMatchObject({ ok: true, value: { about, number } });
    const iso = (time = 0): string => new Date(time).toISOString().slice(0, 10);
    expect(found?.ok === true && [iso(found.value.issuedAt), iso(found.value.validUntil)]).toEqual([issued, until]);
  });

  it('of three years is kept as the newest of each, and older issues are refused afterwards', () => {
    const genuine = described.flatMap(({ item, facts }) => (facts.ok ? [{ item, facts: facts.value }] : []));
    const all = acceptItems(
      EMPTY_STATE,
      genuine.map(({ item }) => item),
      VENDOR_ROOTS,
    );
    if (!all.ok) throw new Error(all.error[0]?.detail);
    const newest = Math.max(...genuine.map(({ facts }) => (facts.number === null ? 0 : facts.issuedAt)));
    expect(all.value.state.marks.newestSignedMs).toBe(newest);
    const old = genuine.filter(
      ({ item, facts }) => item.kind === 'intel-tcb-info' && facts.issuedAt < Date.parse('2024-01-01'),
    );
    const again = acceptItems(
      all.value.state,
      old.map(({ item }) => item),
      VENDOR_ROOTS,
    );
    expect(old.length).toBeGreaterThan(0);
    expect(again.ok && again.value.older.map(({ code }) => code)).toContain('E-COLLATERAL-OLDER');
    expect(again.ok && again.value.stored.filter(({ kind }) => kind !== 'certificate')).toEqual([]);
  });
});
