import { describe, expect, it } from 'vitest';
import { toHex } from '../../../lib/core/bytes.ts';
import { sgx } from '../../../lib/attestation/sgx/sgx.ts';
import { tdx } from '../../../lib/attestation/tdx/tdx.ts';
import { authenticateBytes, collateralOf, everyIntelItem, quoteBytes, shortVerdict } from './dcap-vectors.ts';
import { evidenceVectorsAbsent } from './evidence-vectors.ts';

const AUTOMATA = 'automata-network+automata-dcap-attestation';
const TRUSTEE = 'confidential-containers+trustee/deps/verifier/test_data';
const RS = 'confidential-dot-ai+attestation-rs/crates/attestation/test_data';
const OE = 'openenclave+openenclave/tests';
const OASIS = 'oasisprotocol+oasis-core/go/common/sgx/pcs/testdata';
const INTEL = 'intel+SGX-TDX-DCAP-QuoteVerificationLibrary/Src/AttestationApp/sampleData';
const PHALA = 'Phala-Network+dcap-qvl/sample';
const GOOGLE = 'google+go-tdx-guest/testing/testdata';
const DSTACK = 'Dstack-TEE+dstack';

const NO_LEVEL = 'E-ATTEST-TCB TCB level';
const NO_INFO = 'E-ATTEST-COLLATERAL-INVALID TCB info';
const OLD_INFO = 'E-ATTEST-COLLATERAL-INVALID TCB info dates';
const NO_PCK = 'E-ATTEST-COLLATERAL PCK certificate; E-ATTEST-COLLATERAL TCB info';

/**
 * Every SGX and TDX quote of the folder, judged at noon of that day with all Intel collateral of the folder at hand,
 * revocation required. Status, evaluation number and debug agree with MANIFEST §3 wherever it has that window; where
 * it says NO-SGX-LEVEL, Intel's answer is TCB_NOT_SUPPORTED, so that there is no claim at all.
 */
const VERDICTS: readonly (readonly [quote: string, day: string, verdict: string])[] = [
  // Azure, by way of the vTPM wrappers
  [`azure/${TRUSTEE}/az-tdx-vtpm/td-quote.bin`, '2025-06-25', 'OutOfDate e17 3 advisories'],
  [`azure/${RS}/az_tdx/td-quote.bin`, '2025-06-25', 'OutOfDate e17 3 advisories'],
  ['extracted/tdx/azure/confidential-containers.td-quote.bin', '2025-10-29', 'OutOfDate e17 3 advisories'],
  ['extracted/tdx/azure/confidential-dot-ai.td-quote.bin', '2026-02-20', 'UpToDate e18 0 advisories'],
  // Google pads to 8000 bytes
  ['extracted/tdx/gcp/tdx-v4-gcp.bin', '2025-06-25', 'UpToDate e17 0 advisories'],
  ['extracted/tdx/gcp/tdx-v4-gcp-no-nonce.bin', '2025-10-29', 'UpToDate e17 0 advisories'],
  [`tdx/${GOOGLE}/ccel/cos-113-tdx-quote.dat`, '2025-06-25', 'UpToDate e17 0 advisories'],
  [`tdx/${GOOGLE}/quote_v5_sample.dat`, '2026-02-20', 'UpToDate e18 0 advisories'],
  [`tdx/${GOOGLE}/tdx_prod_quote_SPR_E4.dat`, '2023-06-20', NO_LEVEL],
  // dstack; the PCK certificate of the first is of 15 April 2026, the day on which the folder's TCB info ends
  ['extracted/tdx/dstack/tdx-lite-getquote.quote.bin', '2026-04-15', 'UpToDate e18 0 advisories'],
  ['extracted/tdx/dstack/quote-report.quote.bin', '2026-02-20', 'UpToDate e18 0 advisories'],
  [`tdx/${DSTACK}/dstack/ra-tls/assets/tdx_quote`, '2025-06-25', NO_LEVEL],
  [`tdx/${DSTACK}/sdk/simulator/attestation.bin#4`, '2026-02-20', OLD_INFO],
  // dcap-qvl
  [`tdx/${PHALA}/tdx_quote`, '2025-06-25', 'UpToDate e17 0 advisories'],
  [`tdx/${PHALA}/tdx_quote_outdated`, '2026-02-20', NO_LEVEL],
  [`tdx/${PHALA}/quote-from-tappd.hex`, '2025-06-25', NO_LEVEL],
  [`tdx/${PHALA}/tdx-quote.hex`, '2025-06-25', NO_LEVEL],
  [`sgx/${PHALA}/sgx_quote`, '2025-06-25', 'ConfigurationAndSWHardeningNeeded e17 2 advisories'],
  // automata: the platform of quotev4 is out of date while its TDX module is up to date
  [`tdx/${AUTOMATA}/rust-crates/samples/quotev4.hex`, '2025-06-25', 'OutOfDate e17 3 advisories'],
  [
    `tdx/${AUTOMATA}/solana/automata-dcap-framework/tests/data/quote_tdx.bin`,
    '2025-07-10',
    'OutOfDate e17 3 advisories',
  ],
  [`tdx/${AUTOMATA}/rust-crates/samples/quotev5.dat`, '2025-06-25', 'UpToDate e17 0 advisories'],
  [`tdx/${AUTOMATA}/evm/forge-test/assets/quotes/alibaba_quote_5.dat`, '2025-06-25', 'UpToDate e17 0 advisories'],
  [`tdx/${AUTOMATA}/evm/forge-test/assets/quotes/alibaba_quote_5.hex`, '2026-02-20', 'OutOfDate e18 5 advisories'],
  [`tdx/${AUTOMATA}/evm/forge-test/assets/quotes/tdx_quote_5.dat`, '2025-06-25', NO_LEVEL],
  [`tdx/${AUTOMATA}/evm/forge-test/assets/quotes/tdx_quote_5.dat`, '2026-02-20', NO_LEVEL],
  [`sgx/${AUTOMATA}/rust-crates/samples/quotev3.hex`, '2025-08-20', 'SWHardeningNeeded e17 1 advisories'],
  [
    `sgx/${AUTOMATA}/go-sdk/packages/godcap/mock/sample_quotes.hex#L1`,
    '2025-08-20',
    'SWHardeningNeeded e17 1 advisories',
  ],
  [`sgx/${AUTOMATA}/go-sdk/packages/godcap/mock/sample_quotes.hex#L2`, '2025-06-25', NO_LEVEL],
  [
    `sgx/${AUTOMATA}/solana/automata-dcap-framework/tests/data/quote_sgx.bin`,
    '2025-06-25',
    'ConfigurationAndSWHardeningNeeded e17 2 advisories DEBUG',
  ],
  // trustee and attestation-rs
  [`tdx/${TRUSTEE}/tdx_quote_4.dat`, '2023-06-20', 'UpToDate e15 0 advisories DEBUG'],
  [`tdx/${RS}/tdx_quote_4.dat`, '2026-03-17', 'OutOfDate e18 11 advisories DEBUG'],
  [`tdx/${TRUSTEE}/tdx_quote_5.dat`, '2025-06-25', NO_LEVEL],
  [`tdx/${RS}/tdx_quote_5.dat`, '2026-03-17', NO_LEVEL],
  [`tdx/${TRUSTEE}/tdx_quote_6.dat`, '2025-10-29', 'OutOfDate e17 0 advisories'],
  [`tdx/${RS}/tdx_quote_live.dat`, '2026-04-01', OLD_INFO],
  [`sgx/${TRUSTEE}/occlum_quote.dat`, '2025-08-20', 'OutOfDate e17 10 advisories DEBUG'],
  // Open Enclave; the first is the natural vector of a TD that only needs to be started again
  [
    `tdx/${OE}/host_verify/data/tdx_quote-moduleupdate-seamldr5.dat`,
    '2026-02-20',
    'TDRelaunchAdvised e18 2 advisories',
  ],
  [`tdx/${OE}/host_verify/data/tdx_quote-moduleupdate-seamldr5.dat`, '2025-06-25', 'UpToDate e17 0 advisories'],
  [`tdx/${OE}/host_verify/data/tdx_quote_v5.bin`, '2025-06-25', 'OutOfDate e17 3 advisories'],
  [`tdx/${OE}/host_verify/data/tdx_quote.bin`, '2023-06-20', 'UpToDate e15 0 advisories'],
  [`tdx/${OE}/intel_qve_thread_test/data/tdx_quote`, '2026-03-17', 'OutOfDate e18 11 advisories'],
  [`sgx/${OE}/attestation_plugin/data/evidence#81`, '2025-06-25', NO_INFO],
  [`sgx/${OE}/intel_qve_thread_test/data/sgx_quote`, '2025-06-25', NO_INFO],
  [
    `sgx/${OE}/host_verify/data/sgx_report_bad.bin#16`,
    '2025-06-25',
    `E-ATTEST-SIGNATURE PCK root; E-ATTEST-SIGNATURE PCK signatures; E-ATTEST-COLLATERAL-INVALID PCK revocation list; ${NO_INFO}`,
  ],
  // Oasis; encrypted PPID instead of a certificate
  [`sgx/${OASIS}/quote_v3_ecdsa_p256_eppid.bin`, '2025-06-25', `no TCB; ${NO_PCK}`],
  [`sgx/${OASIS}/quote_v3_ecdsa_p256_pck_chain.bin`, '2025-08-20', 'OutOfDate e17 8 advisories'],
  [`tdx/${OASIS}/quote_v4_tdx_ecdsa_p256_out_of_date.bin`, '2023-06-20', NO_LEVEL],
  // Intel's samples are made up: another root and no quoting enclave of Intel
  [`sgx/${INTEL}/quote.dat`, '2025-06-25', `${NO_PCK}; E-ATTEST-SIGNATURE quoting enclave`],
  [`tdx/${INTEL}/tdx/quote.dat`, '2025-06-25', 'E-ATTEST-MALFORMED parse'],
];

/** Collateral of 2022 and 2024 has no revocation lists in the folder: those are accepted as absent here. */
const WITHOUT_LISTS: readonly (readonly [
  quote: string,
  collateral: readonly string[],
  day: string,
  verdict: string,
])[] = [
  [
    `tdx/${OASIS}/quote_v4_tdx_ecdsa_p256.bin`,
    [`tdx/${OASIS}/tcb_info_v3_tdx_fmspc_C0806F000000.json`, `tdx/${OASIS}/qe_identity_v2_tdx2.json`],
    '2024-09-10',
    'UpToDate e17 0 advisories',
  ],
  [
    `tdx/${OASIS}/quote_v4_tdx_ecdsa_p256_trailing.bin`,
    [`tdx/${OASIS}/tcb_info_v3_tdx_fmspc_C0806F000000.json`, `tdx/${OASIS}/qe_identity_v2_tdx2.json`],
    '2024-09-25',
    'UpToDate e17 0 advisories',
  ],
  [
    `sgx/${OASIS}/quote_v3_ecdsa_p256_pck_chain.bin`,
    [`sgx/${OASIS}/tcb_info_v3_fmspc_00606A000000.json`, `sgx/${OASIS}/qe_identity_v2.json`],
    '2022-12-20',
    'SWHardeningNeeded e13 2 advisories',
  ],
];

const noon = (day: string): number => Date.parse(`${day}T12:00:00Z`);

describe.skipIf(evidenceVectorsAbsent)('quotes of real machines', () => {
  const everything = evidenceVectorsAbsent ? [] : everyIntelItem();

  it.each(VERDICTS)('%s on %s: %s', (path, day, verdict) => {
    const found = authenticateBytes(quoteBytes(path), { at: noon(day), collateral: everything });
    expect(shortVerdict(found)).toBe(verdict);
  });

  it.each(WITHOUT_LISTS)('%s with %s on %s: %s', (path, files, day, verdict) => {
    const collateral = [
      ...collateralOf(...files),
      ...collateralOf(`sgx/${OASIS}/tcb_info_v3_fmspc_00606A000000_certs.pem`),
    ];
    const inputs = { at: noon(day), collateral };
    const found = authenticateBytes(quoteBytes(path), { ...inputs, revocation: 'accept-absent' });
    expect(shortVerdict(found)).toBe(verdict);
    expect(found.checks.filter(({ got }) => got === 'revocation: not available')).toHaveLength(2);
    const strict = authenticateBytes(quoteBytes(path), inputs);
    expect(strict.failed.map(({ name, missing }) => [name, missing])).toEqual([
      ['PCK revocation list', true],
      ['root revocation list', true],
    ]);
  });
});

const FIXTURES = [
  {
    quote: `tdx/${PHALA}/tdx_quote`,
    collateral: `tdx/${PHALA}/tdx_quote_collateral.json`,
    day: '2025-06-25',
    module: tdx,
  },
  {
    quote: `sgx/${PHALA}/sgx_quote`,
    collateral: `sgx/${PHALA}/sgx_quote_collateral.json`,
    day: '2025-06-25',
    module: sgx,
  },
] as const;
const [TDX, SGX] = FIXTURES;

describe.skipIf(evidenceVectorsAbsent).each(FIXTURES)(
  '$quote, complete',
  ({ quote, collateral: file, day, module }) => {
    const bytes = evidenceVectorsAbsent ? new Uint8Array() : quoteBytes(quote);
    const collateral = evidenceVectorsAbsent ? [] : collateralOf(file);
    const judge = (evidence: Uint8Array, inputs = {}): string =>
      shortVerdict(authenticateBytes(evidence, { at: noon(day), collateral, ...inputs }));

    it('shows every field at the place where its bytes are', () => {
      const parsed = module.parse(bytes);
      if (!parsed.ok) throw new Error(parsed.error.detail);
      for (const { offset, value, name } of module.fields(parsed.value)) {
        if (offset === null || !/^(?:[0-9a-f]{2}){6,}$/.test(value)) continue;
        expect(toHex(bytes.subarray(offset, offset + value.length / 2)), name).toBe(value);
      }
    });

    it('is refused with any byte of the signed part or of the signatures changed', () => {
      const parsed = module.parse(bytes);
      if (!parsed.ok) throw new Error(parsed.error.detail);
      const end = parsed.value.signatureOffset + 4 + 128 + (module === tdx ? 6 : 0) + 384 + 64 + 2 + 32;
      for (let at = 0; at < end; at += 11) {
        const mutant = Uint8Array.from(bytes);
        mutant[at] = (mutant[at] ?? 0) ^ (1 << (at % 8));
        expect(judge(mutant), `byte ${at}`).toMatch(/^E-ATTEST-(?:SIGNATURE|MALFORMED)/);
      }
    });

    it('is refused with a byte of its certificates changed', () => {
      const parsed = module.parse(bytes);
      if (!parsed.ok) throw new Error(parsed.error.detail);
      const end = bytes.length - parsed.value.trailing.length;
      const start = end - parsed.value.certificationData.length;
      for (let at = start + 40; at < end - 40; at += 41) {
        const mutant = Uint8Array.from(bytes);
        mutant[at] = mutant[at] === 0x41 ? 0x42 : 0x41;
        if (mutant[at] === bytes[at] || bytes[at] === 0x0a) continue;
        expect(judge(mutant), `byte ${at}`).toMatch(/^E-ATTEST-/);
      }
    });

    it('is malformed when cut short', () => {
      const parsed = module.parse(bytes);
      if (!parsed.ok) throw new Error(parsed.error.detail);
      const end = bytes.length - parsed.value.trailing.length;
      for (let length = 0; length < end; length += 7) {
        expect(module.parse(bytes.subarray(0, length))).toMatchObject({
          ok: false,
          error: { code: 'E-ATTEST-MALFORMED' },
        });
      }
      expect(module.parse(bytes.subarray(0, end)).ok).toBe(true);
    });

    it('is refused before and after its collateral, and under another root', () => {
      expect(judge(bytes, { at: Date.parse('2025-06-19T09:00:00Z') })).toMatch(/COLLATERAL-INVALID/);
      expect(judge(bytes, { at: Date.parse('2025-07-20T09:00:00Z') })).toMatch(/COLLATERAL-INVALID/);
      expect(judge(bytes, { at: Date.parse('2023-09-01T09:00:00Z') })).toMatch(/E-ATTEST-EXPIRED PCK validity/);
      const none = { nitro: [], intel: ['00'.repeat(32)], 'amd-milan': [], 'amd-genoa': [], 'amd-turin': [] };
      expect(judge(bytes, { roots: { ...none, 'nvidia-device': [], 'nvidia-rim': [] } })).toMatch(
        /E-ATTEST-SIGNATURE PCK root; .*TCB info signing chain; .*QE identity signing chain/,
      );
    });

    it('names what is missing, one item at a time', () => {
      expect(judge(bytes, { collateral: [] })).toBe(
        `no TCB; ${['PCK revocation list', 'root revocation list', 'TCB info', 'QE identity']
          .map((name) => `E-ATTEST-COLLATERAL ${name}`)
          .join('; ')}`,
      );
      const without = (kind: string): string =>
        judge(bytes, { collateral: collateral.filter((item) => item.kind !== kind) });
      expect(without('intel-tcb-info')).toBe('no TCB; E-ATTEST-COLLATERAL TCB info');
      expect(without('intel-qe-identity')).toMatch(/; E-ATTEST-COLLATERAL QE identity$/);
      const unsigned = collateral.map((item) => ('chain' in item ? { ...item, chain: [] } : item));
      expect(judge(bytes, { collateral: unsigned })).toMatch(/E-ATTEST-COLLATERAL TCB info signing certificate/);
    });

    it('is refused with any character of the signed JSON changed', () => {
      for (const item of collateral) {
        if (item.kind !== 'intel-tcb-info' && item.kind !== 'intel-qe-identity') continue;
        for (let at = 20; at < item.text.length - 145; at += 97) {
          const swapped = item.text[at] === '0' ? '1' : '0';
          const text = item.text.slice(0, at) + swapped + item.text.slice(at + 1);
          const changed = collateral.map((other) => (other === item ? { ...item, text } : other));
          expect(judge(bytes, { collateral: changed }), `${item.kind} ${at}`).toMatch(
            /COLLATERAL-INVALID|E-ATTEST-TCB/,
          );
        }
        const spaced = collateral.map((other) =>
          other === item ? { ...item, text: item.text.replace(',', ', ') } : other,
        );
        expect(judge(bytes, { collateral: spaced })).toMatch(/COLLATERAL-INVALID .* signature/);
      }
    });

    it('is refused with any byte of a revocation list changed', () => {
      for (const item of collateral) {
        if (item.kind !== 'revocation-list') continue;
        for (let at = 0; at < item.der.length; at += 89) {
          const der = Uint8Array.from(item.der);
          der[at] = (der[at] ?? 0) ^ 1;
          const changed = collateral.map((other) => (other === item ? { ...item, der } : other));
          expect(judge(bytes, { collateral: changed }), `byte ${at}`).toMatch(/COLLATERAL/);
        }
      }
    });
  },
);

describe.skipIf(evidenceVectorsAbsent)('parts of two machines', () => {
  it('collateral of the other machine is refused by name', () => {
    const swapped = authenticateBytes(quoteBytes(TDX.quote), {
      at: noon(TDX.day),
      collateral: collateralOf(SGX.collateral),
    });
    expect(shortVerdict(swapped)).toBe(
      `E-ATTEST-COLLATERAL-INVALID PCK revocation list; ${NO_INFO}; E-ATTEST-COLLATERAL-INVALID QE identity`,
    );
    expect(swapped.failed[1]?.got).toBe('for SGX FMSPC 00a067110000 PCEID 0000');
  });

  it('an SGX quote is no TDX evidence, nor the other way round', () => {
    expect(tdx.recognises(quoteBytes(SGX.quote))).toBe(false);
    expect(tdx.parse(quoteBytes(SGX.quote))).toMatchObject({ ok: false, error: { detail: /this is evidence of SGX/ } });
    expect(sgx.parse(quoteBytes(TDX.quote))).toMatchObject({ ok: false, error: { detail: /this is evidence of TDX/ } });
  });

  it('the certificates of one machine do not vouch for the quote of another', () => {
    const quote = quoteBytes(`tdx/${PHALA}/tdx-quote.hex`);
    const other = quoteBytes(TDX.quote);
    const start = other.length - 70 - 3700;
    const mixed = Uint8Array.from([...quote.subarray(0, start), ...other.subarray(start)]);
    expect(
      shortVerdict(authenticateBytes(mixed, { at: noon(TDX.day), collateral: collateralOf(TDX.collateral) })),
    ).toMatch(/E-ATTEST-(?:MALFORMED|SIGNATURE)/);
  });
});
