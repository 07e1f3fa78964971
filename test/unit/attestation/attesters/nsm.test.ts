import { createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { IoctlCall } from '../../../../lib/attestation/attesters/device-ioctl.ts';
import { nitroEnclave, nitroRecipient, nsmDevice } from '../../../../lib/attestation/attesters/nsm.ts';
import { ReportData } from '../../../../lib/attestation/report-data.ts';
import { encodeCbor, type CborValue } from '../../../../lib/core/cbor.ts';
import { concatBytes, fromHex } from '../../../../lib/core/bytes.ts';
import { failing, fakeIoctl, pointed } from './fake-ioctl.ts';
import { refusalOf, someReportData } from './report-data.ts';

const reportData = someReportData();
const asked = ReportData.bytesOf(reportData);
const document = concatBytes(new Uint8Array(1000).fill(1), asked, new Uint8Array(96));

/** Fills the second iovec and sets its length, as the kernel does. */
const answer =
  (bytes: Uint8Array, length = bytes.length) =>
  ({ argument }: IoctlCall): void => {
    pointed(argument, 16).bytes.set(bytes);
    new DataView(argument.bytes.buffer).setBigUint64(24, BigInt(length), true);
  };
const says = (value: CborValue) => answer(encodeCbor(value));

test('the call, byte by byte: struct nsm_raw of two iovec, and the request in CBOR', async () => {
  const seen: unknown[] = [];
  const ioctl = fakeIoctl((call) => {
    seen.push({ ...call, argument: call.argument.bytes.slice(), question: pointed(call.argument, 0).bytes.slice() });
    says({ Attestation: { document } })(call);
  });
  expect(await nitroEnclave(nsmDevice(ioctl)).collect(reportData)).toEqual(document);
  // {"Attestation": {"nonce": null, "user_data": h'…64', "public_key": null}}
  const question = concatBytes(
    fromHex('a16b4174746573746174696f6ea3656e6f6e6365f669757365725f646174615840') ?? new Uint8Array(),
    asked,
    fromHex('6a7075626c69635f6b6579f6') ?? new Uint8Array(),
  );
  const argument = new Uint8Array(32);
  argument[8] = question.length;
  new DataView(argument.buffer).setUint32(24, 0x3000, true);
  expect(seen).toEqual([{ device: '/dev/nsm', request: 0xc0200a00, argument, question }]);
  expect(pointed(ioctl.calls[0]?.argument ?? { bytes: asked, pointers: [] }, 16).bytes).toHaveLength(0x3000);
});

test('the document is a copy: the next call cannot alter it', async () => {
  const ioctl = fakeIoctl(says({ Attestation: { document } }));
  const got = await nitroEnclave(nsmDevice(ioctl)).collect(reportData);
  for (const { argument } of ioctl.calls) pointed(argument, 16).bytes.fill(0);
  expect(got).toEqual(document);
});

describe('refused', () => {
  const cases: readonly (readonly [string, (call: IoctlCall) => void, string])[] = [
    ['an error of the module', says({ Error: 'InvalidOperation' }), 'error InvalidOperation'],
    ['an error that is no word', says({ Error: '<b>\n7' }), 'error b;'],
    ['a document for another question', says({ Attestation: { document: new Uint8Array(2000) } }), 'another question'],
    ['an empty document', says({ Attestation: { document: new Uint8Array() } }), 'no document'],
    ['a document that is text', says({ Attestation: { document: 'x' } }), 'no document'],
    ['another answer', says({ DescribeNSM: { max_pcrs: 32 } }), 'no document'],
    ['two answers in one', says({ Attestation: { document }, Error: 'Success' }), 'no document'],
    ['more members than defined', says({ Attestation: { document, more: true } }), 'no document'],
    [
      'bytes after the answer',
      answer(concatBytes(encodeCbor({ Attestation: { document } }), new Uint8Array(1))),
      'bytes after',
    ],
    ['an answer cut short', answer(encodeCbor({ Attestation: { document } }), 40), 'cut short'],
    ['nothing', answer(new Uint8Array()), 'cut short'],
    ['more than there is room for', answer(new Uint8Array(), 0x3001), 'impossible length'],
    ['no device', failing('ENOENT'), 'inside an AWS Nitro enclave'],
    ['no permission', failing('EACCES'), 'let the user of this program'],
  ];
  test.each(cases)('%s', async (_, behaviour, said) => {
    const { code, detail } = await refusalOf(nitroEnclave(nsmDevice(fakeIoctl(behaviour))).collect(reportData));
    expect(code).toBe('E-ATTEST-UNAVAILABLE');
    expect(detail).toContain(said);
  });
});

describe('a recipient for KMS', () => {
  /** A module that puts the key it was given into the document, and nothing else. */
  const module = fakeIoctl((call) => {
    const question = pointed(call.argument, 0).bytes;
    says({ Attestation: { document: concatBytes(new Uint8Array(10), question) } })(call);
  });

  test('has a key of its own each time, and a document over it without user data', async () => {
    const [first, second] = [await nitroRecipient(nsmDevice(module)), await nitroRecipient(nsmDevice(module))];
    const spki = (key: typeof first.privateKey) => createPublicKey(key).export({ type: 'spki', format: 'der' });
    expect(Buffer.from(first.document).includes(spki(first.privateKey))).toBe(true);
    expect(Buffer.from(first.document).includes(spki(second.privateKey))).toBe(false);
    expect(Buffer.from(first.document).includes(Buffer.from('69757365725f64617461f6', 'hex'))).toBe(true);
  });

  test('a document over another key is refused', async () => {
    const other = fakeIoctl(says({ Attestation: { document } }));
    expect((await refusalOf(nitroRecipient(nsmDevice(other)))).detail).toContain('another question');
  });
});
