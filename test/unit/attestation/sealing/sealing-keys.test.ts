import { hkdfSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { IoctlCall } from '../../../../lib/attestation/attesters/device-ioctl.ts';
import type { DstackClient } from '../../../../lib/attestation/attesters/dstack-client.ts';
import { nodePseudoFiles } from '../../../../lib/attestation/attesters/node-pseudo-files.ts';
import { dstackRoot } from '../../../../lib/attestation/sealing/dstack-sealing.ts';
import { gramineRoot } from '../../../../lib/attestation/sealing/gramine-sealing.ts';
import { sealingKeys, type SealingRoot } from '../../../../lib/attestation/sealing/sealing-keys.ts';
import { snpRoot } from '../../../../lib/attestation/sealing/snp-sealing.ts';
import { tdxRoot } from '../../../../lib/attestation/sealing/tdx-sealing.ts';
import { toHex, utf8 } from '../../../../lib/core/bytes.ts';
import { prefixFields } from '../../../../lib/core/hash.ts';
import { failing, fakeIoctl, pointed } from '../attesters/fake-ioctl.ts';
import { refusalOf } from '../attesters/report-data.ts';

const SECRET = Uint8Array.from({ length: 32 }, (_, i) => 3 * i + 1);
const rootOf = (name: string, secret = SECRET): SealingRoot => ({ name, read: async () => secret.slice() });

describe('derivation', () => {
  test('is HKDF-SHA256 over name, purpose and study (PROTOCOL §3)', async () => {
    const info = prefixFields(utf8('consilium/sealing-key/v1'), utf8('dstack'), utf8('enclave'), utf8('study-1'));
    const wanted = new Uint8Array(hkdfSync('sha256', SECRET, new Uint8Array(), info, 32));
    expect(await sealingKeys(rootOf('dstack'), 'study-1').keyFor('enclave')).toEqual(wanted);
  });

  test('no two of root, name, purpose and study give the same key, nor the root itself', async () => {
    const other = SECRET.map((byte) => byte ^ 1);
    const keys = [
      await sealingKeys(rootOf('a'), 'study').keyFor('enclave'),
      await sealingKeys(rootOf('a', other), 'study').keyFor('enclave'),
      await sealingKeys(rootOf('b'), 'study').keyFor('enclave'),
      await sealingKeys(rootOf('a'), 'study').keyFor('site'),
      await sealingKeys(rootOf('a'), 'study-2').keyFor('enclave'),
      await sealingKeys(rootOf('a'), 'ystudy').keyFor('enclavest'),
      SECRET,
    ];
    expect(new Set(keys.map(toHex)).size).toBe(keys.length);
  });

  test('the root is overwritten, whatever happens', async () => {
    for (const secret of [SECRET.slice(), new Uint8Array(15).fill(3)]) {
      await sealingKeys({ name: 'a', read: async () => secret }, 'study')
        .keyFor('enclave')
        .catch(() => null);
      expect(secret.every((byte) => byte === 0)).toBe(true);
    }
  });

  test.each([
    ['too short', SECRET.slice(0, 15)],
    ['zeros', new Uint8Array(32)],
    ['one byte repeated', new Uint8Array(32).fill(0xff)],
  ])('a root that is %s is refused', async (_, secret) => {
    const { code } = await refusalOf(sealingKeys(rootOf('a', secret), 'study').keyFor('enclave'));
    expect(code).toBe('E-SEAL-UNAVAILABLE');
  });
});

test('TDX has none, and the refusal names what has', async () => {
  const { code, detail } = await refusalOf(sealingKeys(tdxRoot, 'study').keyFor('enclave'));
  expect(code).toBe('E-SEAL-UNAVAILABLE');
  expect(detail).toContain('no sealing key; run under dstack');
});

describe('Gramine', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'gramine-'));
    mkdirSync(join(folder, 'keys'));
    writeFileSync(join(folder, 'attestation_type'), 'dcap\n');
    writeFileSync(join(folder, 'keys', '_sgx_mrenclave'), SECRET.subarray(0, 16));
    writeFileSync(join(folder, 'keys', '_sgx_mrsigner'), SECRET.subarray(16));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test('two keys: of the program, of its signer', async () => {
    const program = gramineRoot(nodePseudoFiles, 'mrenclave', folder);
    const signer = gramineRoot(nodePseudoFiles, 'mrsigner', folder);
    expect(await program.read()).toEqual(SECRET.slice(0, 16));
    expect(await signer.read()).toEqual(SECRET.slice(16));
    expect(program.name).not.toBe(signer.name);
  });

  test('outside of an enclave Gramine’s constant keys are refused', async () => {
    writeFileSync(join(folder, 'attestation_type'), 'none');
    const { detail } = await refusalOf(gramineRoot(nodePseudoFiles, 'mrenclave', folder).read());
    expect(detail).toContain('"none", not "dcap"');
  });

  test.each([0, 15, 17])('a key file of %i bytes is refused', async (length) => {
    writeFileSync(join(folder, 'keys', '_sgx_mrenclave'), SECRET.subarray(0, length));
    await refusalOf(gramineRoot(nodePseudoFiles, 'mrenclave', folder).read());
  });
});

describe('dstack', () => {
  const client = (answer: Readonly<Record<string, unknown>>, asked: unknown[] = []): DstackClient => ({
    call: async (method, parameters) => {
      asked.push([method, parameters]);
      return answer;
    },
  });

  test('asks for the key of one path', async () => {
    const asked: unknown[] = [];
    expect(await dstackRoot(client({ key: toHex(SECRET).toUpperCase(), signature_chain: [] }, asked)).read()).toEqual(
      SECRET,
    );
    expect(asked).toEqual([['GetKey', { path: 'consilium/sealing-key/v1', purpose: 'sealing' }]]);
  });

  test.each([{}, { key: '' }, { key: toHex(SECRET.subarray(1)) }, { key: 7 }, { key: 'zz'.repeat(32) }])(
    'refuses %j',
    async (answer) => {
      expect((await refusalOf(dstackRoot(client(answer)).read())).code).toBe('E-SEAL-UNAVAILABLE');
    },
  );
});

describe('SEV-SNP', () => {
  const answers =
    (key: Uint8Array, status = 0) =>
    ({ argument }: IoctlCall): void => {
      const response = pointed(argument, 16).bytes;
      new DataView(response.buffer).setUint32(0, status, true);
      response.set(key, 32);
    };

  test('the call, byte by byte: struct snp_derived_key_req, all mixed in that was given', async () => {
    const seen: unknown[] = [];
    const ioctl = fakeIoctl((call) => {
      seen.push([call.device, call.request, call.argument.bytes.slice(), pointed(call.argument, 8).bytes.slice()]);
      expect(pointed(call.argument, 16).bytes).toHaveLength(64);
      answers(SECRET)(call);
    });
    expect(await snpRoot({ ioctl }).read()).toEqual(SECRET);
    expect(await snpRoot({ ioctl, vmpl: 1, guestSvn: 5, tcbVersion: 0x1700_0000_0000_0004n }).read()).toEqual(SECRET);
    const wrapper = new Uint8Array(32);
    wrapper[0] = 1;
    const plain = new Uint8Array(32);
    plain[8] = 0b001111;
    const mixed = Uint8Array.from(plain);
    mixed[8] = 0b111111;
    mixed[16] = 1;
    mixed[20] = 5;
    mixed[24] = 4;
    mixed[31] = 0x17;
    expect(seen).toEqual([
      ['/dev/sev-guest', 0xc0205301, wrapper, plain],
      ['/dev/sev-guest', 0xc0205301, wrapper, mixed],
    ]);
    for (const { argument } of ioctl.calls) expect(pointed(argument, 16).bytes).toEqual(new Uint8Array(64));
  });

  test.each([
    ['a status', answers(SECRET, 0x16), 'status 0x16'],
    ['a key of zeros', answers(new Uint8Array(32)), 'a key of zeros'],
    ['no device', failing('ENOENT'), 'sev-guest'],
  ] as const)('%s is refused', async (_, behaviour, said) => {
    const { detail } = await refusalOf(snpRoot({ ioctl: fakeIoctl(behaviour) }).read());
    expect(detail).toContain(said);
  });
});
