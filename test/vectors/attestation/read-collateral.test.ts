import { describe, expect, it } from 'vitest';
import { MAX_COLLATERAL_FILE_BYTES, readCollateral } from '../../../lib/attestation/collateral/read-collateral.ts';
import { utf8 } from '../../../lib/core/bytes.ts';
import { evidenceVectorsAbsent, vectorBytes, vectorFiles } from './evidence-vectors.ts';

const kindsOf = (path: string): string => {
  const read = readCollateral(vectorBytes(path), path);
  return read.ok ? read.value.map(({ kind }) => kind).join(' ') : `${read.error.code} ${read.error.detail}`;
};

const ORACLE = 'tdx/Phala-Network+dcap-qvl/sample/';
const ATTESTATION_RS = 'tdx/confidential-dot-ai+attestation-rs/crates/attestation/test_data/collateral/';

describe.skipIf(evidenceVectorsAbsent)('collateral files', () => {
  it.each([
    [`${ATTESTATION_RS}tcb_info_50806f000000.json`, 'intel-tcb-info'],
    [`${ATTESTATION_RS}td_qe_identity.json`, 'intel-qe-identity'],
    [`${ATTESTATION_RS}tcb_signing_chain.pem`, 'certificate certificate'],
    [`${ATTESTATION_RS}root_ca_crl.der`, 'revocation-list'],
    ['tdx/google+go-tdx-guest/testing/testdata/pckcrl', 'revocation-list'],
    ['extracted/sev-snp/veraison/auxblob.bin', 'certificate certificate certificate'],
    ['azure/confidential-dot-ai+attestation-rs/crates/attestation/test_data/az_snp/imds-vcek.der', 'certificate'],
    [
      `${ORACLE}tdx_quote_collateral.json`,
      'intel-tcb-info intel-qe-identity revocation-list revocation-list certificate certificate',
    ],
  ])('%s holds: %s', (path, kinds) => {
    expect(kindsOf(path)).toBe(kinds);
  });

  it('reads every signed RIM', () => {
    const rims = vectorFiles('nvidia', /\.(?:swidtag|xml)$/);
    expect(rims.length).toBeGreaterThan(3);
    for (const path of rims) expect(kindsOf(path)).toBe('rim');
  });

  it.each([`${ORACLE}tdx_quote`, 'tdx/automata-network+automata-dcap-attestation/rust-crates/samples/quotev4.hex'])(
    '%s is no collateral',
    (path) => {
      expect(kindsOf(path)).toMatch(/^E-ATTEST-COLLATERAL-INVALID .*neither PEM/);
    },
  );
});

describe('what is no collateral file', () => {
  it.each([
    ['nothing', utf8('')],
    ['a word', utf8('collateral')],
    ['broken JSON', utf8('{"tcbInfo":')],
    ['a JSON of something else', utf8('{"quote":"00"}')],
    ['an array', utf8('[]')],
    ['a PEM that is not Base64', utf8('-----BEGIN CERTIFICATE-----\nAA=A\n-----END CERTIFICATE-----')],
    ['a PEM of a key', utf8('-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----')],
    ['an empty sequence', Uint8Array.of(0x30, 0)],
    ['revocation lists in no known form', utf8('{"tcb_info":"{}","root_ca_crl":"#"}')],
    ['a file of 8 MiB and one byte', new Uint8Array(MAX_COLLATERAL_FILE_BYTES + 1)],
  ])('refuses %s', (_, bytes) => {
    expect(readCollateral(bytes, 'file')).toMatchObject({
      ok: false,
      error: { code: 'E-ATTEST-COLLATERAL-INVALID', detail: expect.stringMatching(/^file/) as string },
    });
  });
});
