import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { attestCommand } from '../../../../cli/commands/attest.ts';
import { collateralCommand, collateralCommandFor } from '../../../../cli/commands/collateral.ts';
import { encodeBundle } from '../../../../lib/attestation/collateral/bundle.ts';
import type { CollateralItem } from '../../../../lib/attestation/collateral/collateral.ts';
import { snpReport, TCB } from '../../../authorities/amd-authority.ts';
import { intelAuthority, intelCollateral, pem, sgxQuote, tcbInfo } from '../../../authorities/intel-authority.ts';
import { nitroAuthority, nitroDocument } from '../../../authorities/nitro-authority.ts';
import { evidenceVectorsAbsent } from '../../../vectors/attestation/evidence-vectors.ts';
import {
  everyVendor,
  fakeRoots,
  intel,
  vceks,
  vendorServer,
} from '../../attestation/collateral-fetch/vendor-server.ts';
import { runCommand, testFolder, type Ran } from './run-command.ts';

const inFolder = testFolder();
const module = collateralCommandFor(fakeRoots);
const collateral = (...argv: string[]): Promise<Ran> => runCommand(module, 'collateral', ...argv);

function file(name: string, content: string | Uint8Array): string {
  const path = inFolder(name);
  writeFileSync(path, content);
  return path;
}
const info = (issued: string, until = '2026-07-01'): CollateralItem =>
  tcbInfo(intel, { overrides: { issueDate: `${issued}T00:00:00Z`, nextUpdate: `${until}T00:00:00Z` } });
const bundle = (name: string, ...items: readonly CollateralItem[]): string => file(name, encodeBundle(items));
const textOf = (item: CollateralItem): string => ('text' in item ? item.text : '');

const older = bundle('older.bundle', info('2026-05-01'));
const newer = bundle('newer.bundle', info('2026-05-02'));

describe('consilium collateral import', () => {
  test('stores what is genuine and says what it is, once', async () => {
    const into = inFolder('genuine');
    const first = await collateral('import', older, '--into', into);
    expect(first.exit).toBe(0);
    expect(first.stdout).toContain(
      'stored  TCB info of SGX FMSPC 00906ed50000 PCEID 0000, issued 2026-05-01, valid until 2026-07-01\n',
    );
    const again = await collateral('import', older, '--into', into);
    expect(again).toMatchObject({ exit: 0, stdout: 'Nothing new: everything was held already.\n' });
    const next = await collateral('import', newer, '--into', into, '--json');
    expect(next.json()).toEqual({
      type: 'collateral-stored',
      stored: [
        {
          kind: 'intel-tcb-info',
          about: 'SGX FMSPC 00906ed50000 PCEID 0000',
          issuer: 'Intel SGX TCB Signing',
          issued: '2026-05-02T00:00:00.000Z',
          validUntil: '2026-07-01T00:00:00.000Z',
          number: '20',
        },
      ],
    });
  });

  test('passes over what is older, stores what came along, and ends with 77', async () => {
    const into = inFolder('stepping-back');
    await collateral('import', newer, '--into', into);
    const other = tcbInfo(intel, { tee: 'tdx' });
    const mixed = bundle('mixed.bundle', info('2026-05-01'), other);
    const { exit, stdout, stderr } = await collateral('import', mixed, '--into', into);
    expect(exit).toBe(77);
    expect(stdout).toContain('stored  TCB info of TDX');
    expect(stdout).not.toContain('SGX FMSPC');
    expect(stderr).toContain('E-COLLATERAL-OLDER');
    expect(stderr).toContain('issued 2026-05-01T00:00:00.000Z, number 20');
    const alone = await collateral('import', older, '--into', into);
    expect(alone).toMatchObject({ exit: 77, stdout: 'Nothing was stored.\n' });
  });

  test('stores nothing where one item leads to no vendor, and names each', async () => {
    const into = inFolder('forged');
    const forged = intelCollateral(intelAuthority(), 'sgx');
    const { exit, stdout, stderr } = await collateral(
      'import',
      newer,
      bundle('forged.bundle', ...forged),
      '--into',
      into,
    );
    expect([exit, stdout]).toEqual([41, '']);
    expect(stderr).toContain('E-ATTEST-COLLATERAL-INVALID');
    for (const named of ['TCB info', 'QE identity', 'revocation list']) expect(stderr).toContain(named);
    expect((await collateral('show', into)).stdout).toMatch(/^Nothing is held/);
  });

  test('reads files as they come from Intel, and folders of them', async () => {
    const folder = inFolder('from-intel');
    mkdirSync(folder);
    file('from-intel/tcb.json', textOf(info('2026-05-01')));
    file('from-intel/signers.pem', pem([intel.tcbSigner, intel.root]));
    const { exit, stdout } = await collateral('import', folder, '--into', inFolder('into-intel'));
    expect([exit, stdout.match(/^stored /gm)?.length]).toEqual([0, 3]);
  });

  test.each<[string, () => string, number]>([
    ['a file that is not there', () => inFolder('nowhere.bundle'), 64],
    ['a file of something else', () => file('picture.png', new Uint8Array([0x89, 0x50])), 41],
    ['an empty folder', () => (mkdirSync(inFolder('empty'), { recursive: true }), inFolder('empty')), 64],
  ])('refuses %s', async (_, path, exit) => {
    expect((await collateral('import', path(), '--into', inFolder('unused'))).exit).toBe(exit);
  });

  test('believes the vendors’ roots and no others', async () => {
    const real = await runCommand(collateralCommand, 'collateral', 'import', newer, '--into', inFolder('real'));
    expect(real.exit).toBe(41);
    expect(real.stderr).toContain('pinned root');
  });
});

describe('consilium collateral show', () => {
  const held = async (): Promise<string> => {
    const into = inFolder('shown');
    rmSync(into, { recursive: true, force: true });
    await collateral('import', newer, '--into', into);
    return into;
  };
  test.each([
    ['2026-06-01T00:00:00Z', 0, ''],
    ['2026-06-24T00:00:00Z', 0, ''],
    ['2026-06-24T00:00:01Z', 0, 'EXPIRES SOON'],
    ['2026-07-01T00:00:00Z', 0, 'EXPIRES SOON'],
    ['2026-07-01T00:00:01Z', 42, 'EXPIRED'],
  ])('at %s ends with %i: %s', async (at, exit, note) => {
    const shown = await collateral('show', await held(), '--at', at);
    expect(shown.exit).toBe(exit);
    const line = shown.stdout.split('\n').find((one) => one.startsWith('TCB info')) ?? '';
    expect(line).toMatch(
      new RegExp(
        `^TCB info +SGX FMSPC 00906ed50000 PCEID 0000 +2026-05-02 +2026-07-01 +20${note === '' ? '' : ` +${note}`}$`,
      ),
    );
    expect(shown.stdout).toContain('Newest time that a vendor signed: 2026-05-02T00:00:00.000Z\n');
    if (exit === 42) expect(shown.stderr).toContain('expired: TCB info of SGX FMSPC 00906ed50000');
  });

  test('says the same for programs', async () => {
    const folder = await held();
    const shown = await collateral('show', folder, '--at', '2026-06-25T00:00:00Z', '--json');
    expect(shown.exit).toBe(0);
    expect(shown.json()).toMatchObject({
      type: 'collateral',
      at: '2026-06-25T00:00:00.000Z',
      newestSigned: '2026-05-02T00:00:00.000Z',
      items: [
        { kind: 'intel-tcb-info', number: '20', expiry: 'expires soon' },
        { kind: 'certificate' },
        { kind: 'certificate' },
      ],
    });
  });

  test('refuses a folder that is not there or damaged', async () => {
    expect((await collateral('show', inFolder('nowhere'))).exit).toBe(74);
    const folder = await held();
    writeFileSync(`${folder}/state-2.cbor`, 'x');
    const damaged = await collateral('show', folder);
    expect([damaged.exit, damaged.stdout]).toEqual([74, '']);
    expect(damaged.stderr).toContain('E-STORE-DAMAGED');
  });
});

describe('consilium collateral export', () => {
  test('gives a bundle that another party can import, the same each time', async () => {
    const into = inFolder('exporting');
    await collateral('import', newer, '--into', into);
    const [one, two] = [inFolder('one.bundle'), inFolder('two.bundle')];
    const exported = await collateral('export', into, '--out', one);
    expect(exported).toMatchObject({ exit: 0, stdout: `${one}: 3 items\n` });
    await collateral('import', one, '--into', inFolder('other-party'));
    const again = await collateral('export', inFolder('other-party'), '--out', two, '--json');
    expect(again.json()).toEqual({ type: 'collateral-bundle', out: two, items: 3 });
    expect(readFileSync(two)).toEqual(readFileSync(one));
  });

  test('refuses a folder without anything', async () => {
    mkdirSync(inFolder('nothing'));
    expect((await collateral('export', inFolder('nothing'), '--out', inFolder('n.bundle'))).exit).toBe(64);
  });
});

describe('consilium collateral fetch', async () => {
  const vendor = await vendorServer(everyVendor);
  const at = (path: string): string => new URL(path, vendor.url).href;
  const fetch = (...argv: string[]): Promise<Ran> =>
    collateral('fetch', '--intel-url', at(''), '--intel-root-list-url', at('root.der'), '--amd-url', at(''), ...argv);
  const quote = file('quote.bin', sgxQuote(intel));
  const report = file('report.bin', snpReport(vceks.milan, { product: 'milan', tcb: TCB }));

  test('gets everything for two pieces of evidence, once', async () => {
    const into = inFolder('fetched');
    vendor.asked.length = 0;
    const { exit, stdout } = await fetch('--for', quote, report, quote, '--into', into);
    expect(exit).toBe(0);
    expect(vendor.asked).toHaveLength(7);
    expect(stdout.match(/^got {5}/gm)).toHaveLength(7);
    expect(stdout).toContain('got     VCEK of Milan chip c5c5c5c5c5c5c5c5… at 0302000000000873\n');
    const shown = await collateral('show', into, '--at', '2026-06-01', '--json');
    expect(shown.exit).toBe(0);
    expect((shown.json()['items'] as object[]).length).toBe(4 + 1 + 6);
  });

  test('keeps what it got when one vendor has no time, and says when to come back', async () => {
    vendor.answer = (request, response, body) =>
      request.url?.endsWith('/crl') === true
        ? { status: 429, headers: { 'retry-after': '60' } }
        : everyVendor(request, response, body);
    const { exit, stdout, stderr } = await fetch('--for', report, '--into', inFolder('partly'));
    vendor.answer = everyVendor;
    expect(exit).toBe(75);
    expect(stdout).toContain('failed  revocation list of ARK-Milan\n');
    expect(stdout).toContain('got     VCEK of Milan');
    expect(stderr).toContain('E-COLLATERAL-UNREACHABLE');
    expect(stderr).toContain('try again after 60 seconds');
  });

  test('says it for programs, line by line', async () => {
    const { exit, stdout } = await fetch('--for', report, '--into', inFolder('for-programs'), '--json');
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { asked: string; stored: object[] });
    expect([exit, lines.map(({ asked, stored }) => [asked, stored.length])]).toEqual([
      0,
      [
        ['VCEK authorities of Milan', 2],
        ['revocation list of ARK-Milan', 1],
        ['VCEK of Milan chip c5c5c5c5c5c5c5c5… at 0302000000000873', 1],
      ],
    ]);
  });

  test('has nothing to ask for AWS Nitro', async () => {
    const moment = Date.parse('2026-06-01');
    const document = file('nitro.cbor', nitroDocument(nitroAuthority(moment), { timestamp: moment }));
    const { exit, stdout } = await fetch('--for', document, '--into', inFolder('nitro'));
    expect([exit, stdout]).toEqual([0, 'Nothing is needed: everything comes with this evidence.\n']);
  });

  test.each([
    'http://pccs.hospital.example',
    'https://user@pccs.hospital.example',
    'https://pccs.hospital.example/?key=1',
    'ftp://localhost',
    'pccs',
  ])('refuses the address %s', async (url) => {
    const { exit, stderr } = await fetch('--for', quote, '--into', inFolder('x'), '--intel-url', url);
    expect(exit).toBe(64);
    expect(stderr).toContain('--intel-url');
  });
});

describe.skipIf(evidenceVectorsAbsent)('consilium attest verify --collateral', () => {
  const vector = (path: string): string =>
    fileURLToPath(new URL(`../../../../../shared/vectors/attestation/${path}`, import.meta.url));
  const sample = 'tdx/Phala-Network+dcap-qvl/sample/tdx_quote';
  const verify = (...given: string[]): Promise<Ran> =>
    runCommand(attestCommand, 'attest', 'verify', vector(sample), '--at', '2025-06-25T00:00:00Z', ...given);

  test('takes a folder and a bundle as it takes the files themselves', async () => {
    const into = inFolder('real-tdx');
    const files = vector(`${sample}_collateral.json`);
    const imported = await runCommand(collateralCommand, 'collateral', 'import', files, '--into', into);
    expect(imported.exit).toBe(0);
    const out = inFolder('real-tdx.bundle');
    await runCommand(collateralCommand, 'collateral', 'export', into, '--out', out);
    const direct = await verify('--collateral', files);
    expect(direct.exit).toBe(0);
    for (const given of [into, out])
      expect(await verify('--collateral', given)).toMatchObject({ exit: 0, stdout: direct.stdout });
    expect((await verify()).exit).toBe(42);
  });
});
