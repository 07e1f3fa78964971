import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dstackClient } from '../../../../lib/attestation/attesters/dstack-client.ts';
import { dstack } from '../../../../lib/attestation/attesters/dstack.ts';
import { dstack as dstackModule } from '../../../../lib/attestation/dstack/dstack.ts';
import { ReportData } from '../../../../lib/attestation/report-data.ts';
import { fromHex, toHex } from '../../../../lib/core/bytes.ts';
import { evidenceVectorsAbsent, vectorText } from '../../../vectors/attestation/evidence-vectors.ts';
import { withReportData } from './fake-configfs-tsm.ts';
import { refusalOf, someReportData } from './report-data.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const TDX_REPORT_DATA = 48 + 520;
const reportData = someReportData();
const asked = ReportData.bytesOf(reportData);
let folder = '';
let socket = '';
let server: Server | null = null;

/** A real HTTP server on a real Unix socket, as the guest agent of dstack is. */
async function serve(handler: Handler): Promise<void> {
  server = createServer(handler);
  await new Promise<void>((resolve) => server?.listen(socket, resolve));
}
const answering =
  (answer: unknown, status = 200): Handler =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dstack-'));
  socket = join(folder, 'dstack.sock');
});
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => {
    if (server === null) resolve(null);
    else server.close(resolve);
  });
  server = null;
  rmSync(folder, { recursive: true });
});

const collect = (timeoutMs?: number) => dstack(dstackClient(socket, timeoutMs)).collect(reportData);
const quoteFor = (bytes: Uint8Array): string => toHex(withReportData(new Uint8Array(1000), TDX_REPORT_DATA, bytes));

test.skipIf(evidenceVectorsAbsent)('on a real answer: asked once, the whole answer is the evidence', async () => {
  const real = JSON.parse(
    vectorText('tdx/Dstack-TEE+dstack/dstack/verifier/fixtures/tdx-lite-getquote.json'),
  ) as Record<string, string>;
  const requests: unknown[] = [];
  const quote = fromHex(real['quote'] ?? '') ?? new Uint8Array();
  await serve((request, response) => {
    void text(request).then((body) => {
      requests.push([request.method, request.url, JSON.parse(body)]);
      const { report_data: hex } = JSON.parse(body) as { report_data: string };
      const answer = withReportData(quote, TDX_REPORT_DATA, fromHex(hex) ?? new Uint8Array());
      answering({ ...real, quote: toHex(answer) })(request, response);
    });
  });
  const bytes = await collect();
  const evidence = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, string>;
  expect(dstackModule.parse(bytes)).toMatchObject({ ok: true });
  expect(requests).toEqual([['POST', '/GetQuote', { report_data: toHex(asked) }]]);
  expect(evidence).toEqual({
    quote: toHex(withReportData(quote, TDX_REPORT_DATA, asked)),
    event_log: real['event_log'],
    vm_config: real['vm_config'],
  });
});

describe('refused', () => {
  const cases: readonly (readonly [string, Handler, string])[] = [
    [
      'a quote for another question',
      answering({ quote: quoteFor(new Uint8Array(64)), event_log: '[]' }),
      'another question',
    ],
    ['no quote', answering({ event_log: '[]' }), 'no quote'],
    ['an empty quote', answering({ quote: '', event_log: '[]' }), 'no quote'],
    ['a quote that is not hexadecimal', answering({ quote: 'xyz', event_log: '[]' }), 'no quote'],
    ['no event log', answering({ quote: quoteFor(asked) }), 'no event log'],
    ['an error of the agent', answering({ error: 'boom' }, 500), 'HTTP status 500'],
    ['no JSON', answering('<html>'), 'no JSON object'],
    ['a list', answering([]), 'no JSON object'],
    [
      'an answer without end',
      (_, response) => {
        response.writeHead(200);
        const more = (): void => {
          response.write(Buffer.alloc(65536, 32), more);
        };
        more();
      },
      'EFBIG',
    ],
    [
      'a connection that ends early',
      (_, response) => {
        response.writeHead(200, { 'content-length': 100 });
        response.write('{');
        setImmediate(() => response.destroy());
      },
      'ECONNRESET',
    ],
  ];
  test.each(cases)('%s', async (_, handler, said) => {
    await serve(handler);
    const { code, detail } = await refusalOf(collect());
    expect(code).toBe('E-ATTEST-UNAVAILABLE');
    expect(detail).toContain(said);
  });

  test('an agent that never answers, or drips', async () => {
    await serve((_, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write(' '), 10);
      response.on('close', () => {
        clearInterval(drip);
      });
    });
    expect((await refusalOf(collect(60))).detail).toContain('ETIMEDOUT');
  });

  test('no socket, and how to get one', async () => {
    const { detail } = await refusalOf(collect());
    expect(detail).toContain('ENOENT');
    expect(detail).toContain('mount /var/run/dstack.sock');
  });
});

test('an old agent without vm_config', async () => {
  await serve(answering({ quote: quoteFor(asked), event_log: '[]' }));
  expect(JSON.parse(new TextDecoder().decode(await collect()))).toEqual({ quote: quoteFor(asked), event_log: '[]' });
});
