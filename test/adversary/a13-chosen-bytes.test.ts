// PROTOCOL §8 A13: an insider asks for evidence over bytes of its choice, through everything that leads to an attester.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { configfsTsm } from '../../lib/attestation/attesters/configfs-tsm.ts';
import type { DeviceIoctl } from '../../lib/attestation/attesters/device-ioctl.ts';
import type { DstackClient } from '../../lib/attestation/attesters/dstack-client.ts';
import { dstack } from '../../lib/attestation/attesters/dstack.ts';
import { gramine } from '../../lib/attestation/attesters/gramine.ts';
import { hardwareAttester } from '../../lib/attestation/attesters/hardware-attester.ts';
import { nitroEnclave, type NsmTransport } from '../../lib/attestation/attesters/nsm.ts';
import type { PseudoFiles } from '../../lib/attestation/attesters/pseudo-files.ts';
import { sevGuest } from '../../lib/attestation/attesters/sev-guest.ts';
import { BinderTree } from '../../lib/attestation/binder-tree.ts';
import { Binder, type BinderFields } from '../../lib/attestation/binder.ts';
import { decodeEvidence } from '../../lib/attestation/evidence.ts';
import { ReportData } from '../../lib/attestation/report-data.ts';
import { chipCommandLine } from '../../lib/attestation/simulated/chip-arguments.ts';
import { decodeChipRequest, encodeChipRequest } from '../../lib/attestation/simulated/chip-protocol.ts';
import { connectToChip } from '../../lib/attestation/simulated/ipc-attester.ts';
import { parseSimulated } from '../../lib/attestation/simulated/simulated-evidence.ts';
import { acceptSiteSession } from '../../lib/channel/accept-site-session.ts';
import { attestationBatcher } from '../../lib/channel/attestation-batcher.ts';
import { duplexPair } from '../../lib/channel/duplex-pair.ts';
import { decodeEvidenceMessage } from '../../lib/channel/sealed-messages.ts';
import { encodeCbor } from '../../lib/core/cbor.ts';
import type { Digest, PublicKey } from '../../lib/core/ids.ts';
import { must, puppetSite, receiveSealed } from '../unit/channel/puppet.ts';
import { headOf, meet, MEASUREMENTS, SimulatedStudy } from '../unit/channel/simulated-session.ts';

const CHOSEN = new Uint8Array(64).fill(0xcc);
const chosen32 = CHOSEN.subarray(0, 32);
const program = { measurement: MEASUREMENTS.enclave, role: 'enclave' } as const;

function reportDataIn(envelope: Uint8Array): Uint8Array {
  return must(parseSimulated(must(decodeEvidence(envelope)).bytes)).quote.reportData;
}

/** Every input of a binder that somebody could choose, chosen. */
const chosenFields: BinderFields = {
  role: 'enclave',
  exportedKey: chosen32,
  nonce: chosen32,
  attestationSequence: 0,
  bootKey: chosen32 as PublicKey,
  organisation: null,
  contractDigest: chosen32 as Digest,
  deviceEvidence: chosen32 as Digest,
  head: { counter: 0, digest: chosen32 as Digest },
};

describe('A13 chosen bytes', () => {
  test('what looks like report data is refused at run time, not only by types', async () => {
    const study = new SimulatedStudy();
    const attester = study.chip('enclave-machine').attesterFor(program);
    const forged = Object.create(ReportData.prototype) as ReportData;
    const shapes: unknown[] = [CHOSEN, { bytes: CHOSEN }, forged, Object.assign(forged, { bytes: CHOSEN })];
    for (const shape of shapes) {
      await expect(attester.attest(shape as ReportData)).rejects.toThrow(TypeError);
    }
    for (const token of [Symbol('guessed'), undefined]) {
      const forge = (): void => {
        Reflect.construct(ReportData, [token, { kind: 'binders', binders: [CHOSEN] }]);
      };
      expect(forge).toThrow(TypeError);
    }
  });

  test('no collector of real hardware touches its platform for anything but minted report data', async () => {
    const touched = async (): Promise<never> => {
      throw new Error('the platform was asked');
    };
    const untouchable = new Proxy({}, { get: () => touched });
    const collectors = [
      configfsTsm({ files: untouchable as PseudoFiles, platform: 'tdx' }),
      gramine(untouchable as PseudoFiles),
      dstack(untouchable as DstackClient),
      nitroEnclave(untouchable as NsmTransport),
      sevGuest({ ioctl: untouchable as DeviceIoctl }),
    ];
    const forged: unknown[] = [CHOSEN, { bytes: CHOSEN }, Object.create(ReportData.prototype)];
    for (const collector of collectors) {
      for (const shape of forged) {
        await expect(collector.collect(shape as ReportData)).rejects.toThrow(TypeError);
        await expect(hardwareAttester(collector).attest(shape as ReportData)).rejects.toThrow(TypeError);
      }
      const minted = ReportData.ofBinders([new Binder(chosenFields)]);
      await expect(collector.collect(minted)).rejects.toThrow('the platform was asked');
    }
  });

  test('a binder is not what its fields are, and altering copies alters nothing', async () => {
    const study = new SimulatedStudy();
    const attester = study.chip('enclave-machine').attesterFor(program);
    const binder = new Binder(chosenFields);
    const reportData = ReportData.ofBinders([binder]);
    binder.bytes.set(CHOSEN);
    ReportData.bytesOf(reportData).set(CHOSEN);
    const source = ReportData.sourceOf(reportData);
    if (source.kind === 'binders') source.binders[0]?.set(CHOSEN);
    const attested = reportDataIn(await attester.attest(reportData));
    expect(attested).toEqual(new BinderTree([new Binder(chosenFields).bytes]).root);
    expect(attested).not.toEqual(CHOSEN);
  });

  test('no choice of inputs puts chosen bytes into evidence', () => {
    const field = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(field, field, field, (a, b, c) => {
        const binder = new Binder({ ...chosenFields, exportedKey: a, nonce: b, bootKey: c as PublicKey });
        const publication = {
          bootKey: a as PublicKey,
          contractDigest: b as Digest,
          genesisDigest: c as Digest,
          headDigest: a as Digest,
        };
        for (const made of [ReportData.ofBinders([binder]), ReportData.ofPublication(publication)]) {
          const bytes = Buffer.from(ReportData.bytesOf(made));
          for (const input of [a, b, c]) expect(bytes.includes(Buffer.from(input))).toBe(false);
        }
      }),
    );
  });

  test('the channel attests only binders: the batcher hashes even a forged one', async () => {
    const study = new SimulatedStudy();
    const batcher = attestationBatcher({ attester: study.attester('enclave'), clock: study.clock, windowMs: 0 });
    const bound = batcher.attest({ bytes: CHOSEN } as unknown as Binder);
    await study.clock.advance(1, 1);
    const attested = reportDataIn((await bound).evidence);
    expect(attested).toEqual(new BinderTree([CHOSEN]).root);
    expect(attested).not.toEqual(CHOSEN);
  });

  test('a nonce, contract or head of choice reaches evidence only through the hash', async () => {
    const study = new SimulatedStudy();
    const pair = duplexPair();
    const head = () => ({ ...headOf(0, ''), digest: chosen32 as Digest });
    const accepting = acceptSiteSession({
      ...study.enclaveOptions(pair.enclave),
      head,
      bootKey: chosen32 as PublicKey,
    });
    let attested: Uint8Array = CHOSEN;
    const insider = (async () => {
      const puppet = await puppetSite(pair.site, chosen32);
      attested = reportDataIn(must(decodeEvidenceMessage(await receiveSealed(puppet, 'evidence'))).evidence);
      pair.site.close();
    })();
    await meet(study, accepting, accepting);
    await insider;
    expect(Buffer.from(attested).includes(Buffer.from(chosen32))).toBe(false);
  });

  test('the chip knows no request that carries report data; the bytes it is sent become a leaf, not the report', () => {
    const study = new SimulatedStudy();
    const format = 'consilium/chip-request/v1';
    const asks = [
      { kind: 'quote', reportData: CHOSEN },
      { kind: 'binders', binders: [CHOSEN], reportData: CHOSEN },
      { kind: 'binders', binders: [] },
      { kind: 'binders', binders: [CHOSEN.subarray(1)] },
      { kind: 'publication', publication: CHOSEN },
    ];
    for (const ask of asks) {
      const message = Buffer.from(encodeCbor({ format, id: 0, ask })).toString('base64');
      expect(decodeChipRequest(message)).toMatchObject({ ok: false, error: { code: 'E-MESSAGE-INVALID' } });
    }
    const request = must(decodeChipRequest(encodeChipRequest({ id: 0, ask: { kind: 'binders', binders: [CHOSEN] } })));
    if (request.ask.kind !== 'binders') throw new Error('another request');
    const attested = reportDataIn(study.chip('enclave-machine').quote(program, request.ask));
    expect(attested).toEqual(new BinderTree([CHOSEN]).root);
    expect(attested).not.toEqual(CHOSEN);
  });

  test('a process that no chip started gets nothing', async () => {
    const unconnected = { connected: false, on: () => undefined, once: () => undefined };
    const chip = connectToChip({ channel: unconnected, timeoutMs: 50 });
    const unavailable = { refusals: [{ code: 'E-ATTEST-UNAVAILABLE' }] };
    await expect(chip.sealingKey()).rejects.toMatchObject(unavailable);
    await expect(chip.attest(ReportData.ofBinders([new Binder(chosenFields)]))).rejects.toMatchObject(unavailable);
  });

  test.each([
    ['chosen-bytes', { event: 'answers', count: 1, genuine: 32 }],
    ['grandchild', { event: 'grandchild', plain: 'false' }],
  ])('a real chip process under attack by its own program: %s', async (behaviour, wanted) => {
    const said = await underChip(behaviour);
    expect(said).toMatchObject(wanted);
    if (behaviour === 'grandchild') expect(said['forged']).not.toBe('true');
  });
});

/** Runs the attacking program under a real chip and gives its last line. */
async function underChip(behaviour: string): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), 'a13-'));
  try {
    const rootSeedFile = join(folder, 'root.seed');
    writeFileSync(rootSeedFile, new Uint8Array(32).fill(1), { mode: 0o600 });
    const args = chipCommandLine({
      rootSeedFile,
      instance: 'machine-1',
      role: 'enclave',
      entry: fileURLToPath(new URL('../unit/attestation/programs/attesting-program.ts', import.meta.url)),
      repositoryRoot: fileURLToPath(new URL('../..', import.meta.url)),
      lies: [],
      programArguments: [behaviour],
    });
    const flags = ['--disable-warning=ExperimentalWarning'];
    const chip = spawn(process.execPath, [...flags, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    const lines = (await text(chip.stdout)).trim().split('\n');
    return JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
