import { afterEach, describe, expect, it } from 'vitest';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { instant, organisationId } from '../../../lib/core/ids.ts';
import { err } from '../../../lib/core/result.ts';
import { clientOf } from '../../../lib/wire/client.ts';
import type { Connection } from '../../../lib/wire/connection.ts';
import type { ClientLimits, ServerLimits } from '../../../lib/wire/limits.ts';
import type { Role } from '../../../lib/wire/peer-identity.ts';
import type { WireService } from '../../../lib/wire/service.ts';
import { studyMethods, type StudyEvent } from '../../../lib/wire/study-codec.ts';
import { ALPHA, BETA, certificateOf, COORDINATOR, dial, eventually, serve, type WatchedServer } from './consortium.ts';
import { studyDesk } from './study-desk.ts';

const open: { server: WatchedServer; connections: Connection[] }[] = [];
afterEach(async () => {
  for (const { server, connections } of open.splice(0)) {
    for (const connection of connections) connection.close();
    await server.stop(0);
  }
});

async function desk(
  service: WireService = studyDesk(),
  limits: { server?: Partial<ServerLimits>; client?: Partial<ClientLimits>; role?: Role } = {},
) {
  const server = await serve(COORDINATOR, [service], limits.server);
  const connection = dial(server, certificateOf(limits.role ?? 'site', ALPHA), limits.client);
  open.push({ server, connections: [connection] });
  return { server, connection, study: clientOf(connection, studyMethods) };
}

async function listen<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('a service over TLS 1.3', () => {
  it('answers checked messages as plain bytes', async () => {
    const { study } = await desk();
    const contract = await study.getContract({});
    expect(contract).toStrictEqual({
      ok: true,
      value: { contract: Uint8Array.of(1, 2, 3), approvals: [Uint8Array.of(4)] },
    });
    expect(contract.ok && Buffer.isBuffer(contract.value.contract)).toBe(false);
    expect(await study.submitApproval({ approval: Uint8Array.of(9) })).toStrictEqual({
      ok: true,
      value: { approvals: 1, needed: 3 },
    });
    expect(await study.getStatus({})).toMatchObject({ ok: true, value: { round: 0, sites: [{ lastSeen: null }] } });
  });

  it('streams events to the end', async () => {
    const { study } = await desk();
    const events = await listen(study.watch({ fromSequence: 7 }));
    expect(events.map(({ sequence }) => sequence)).toEqual([7, 8, 9]);
    expect(events[0]).toStrictEqual({ sequence: 7, at: 1007, kind: 'phaseChanged', phase: 'phase-7' });
  });

  it('carries a refusal with its detail to the caller, and nothing of a fault', async () => {
    const wanted = refusal('E-APPROVAL-INVALID', 'é, “quotes” and ü', { got: 'a', want: 'b' });
    const secret = new Error('patient 4711');
    const { study, server } = await desk(
      studyDesk({
        submitWithdrawal: async () => err(wanted),
        getStatus: async () => {
          throw new RefusalError(refusal('E-STORE-IO', 'first'), refusal('E-STORE-FORMAT', 'second'));
        },
        getStatements: async () => {
          throw secret;
        },
      }),
    );
    expect(await study.submitWithdrawal({ withdrawal: Uint8Array.of(1) })).toStrictEqual(err(wanted));
    expect(await study.getStatus({})).toStrictEqual(err(refusal('E-STORE-IO', 'first; E-STORE-FORMAT second')));
    expect(await study.getStatements({ fromCounter: 0, limit: 1 })).toStrictEqual(
      err(refusal('E-TRANSPORT', 'status INTERNAL')),
    );
    expect(server.faults).toEqual([secret]);
    expect(server.refused.map(({ code }) => code)).toEqual(['E-APPROVAL-INVALID', 'E-STORE-IO']);
  });

  it('refuses a stream before its first item and in the middle', async () => {
    let calls = 0;
    const { study } = await desk(
      studyDesk({
        watch: async () => {
          if (calls++ === 0) return err(refusal('E-ROUND-FINISHED', 'before'));
          return { ok: true, value: breaksOff() };
        },
      }),
    );
    await expect(listen(study.watch({ fromSequence: 0 }))).rejects.toMatchObject({
      refusals: [{ code: 'E-ROUND-FINISHED', detail: 'before' }],
    });
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { sequence } of study.watch({ fromSequence: 0 })) seen.push(sequence);
    })();
    await expect(reading).rejects.toMatchObject({ refusals: [{ code: 'E-STATE-BEHIND', detail: 'middle' }] });
    expect(seen).toEqual([0]);
  });

  it('ends a stream for whoever stops reading, though its next item never comes', async () => {
    let returned = false;
    let aborted = false;
    const { study } = await desk(
      studyDesk({
        watch: async (_request, { signal }) => {
          signal.addEventListener('abort', () => {
            aborted = true;
          });
          return { ok: true, value: onceThenNever(() => (returned = true)) };
        },
      }),
    );
    for await (const { sequence } of study.watch({ fromSequence: 0 })) {
      expect(sequence).toBe(0);
      break;
    }
    await eventually(() => aborted && returned);
    const stop = new AbortController();
    const second = study.watch({ fromSequence: 0 }, { signal: stop.signal });
    const all: number[] = [];
    for await (const { sequence } of second) {
      all.push(sequence);
      setTimeout(() => {
        stop.abort();
      }, 20);
    }
    expect(all).toEqual([0]);
  });

  it('cuts off a caller that asks for a stream and does not read it', async () => {
    const { server, connection } = await desk(studyDesk({ watch: async () => ({ ok: true, value: endless() }) }), {
      server: { stallMs: 300 },
    });
    const same = (bytes: Buffer): Buffer => bytes;
    const { path, request } = studyMethods.watch;
    const call = connection.grpc.makeServerStreamRequest(path, same, same, request.encode({ fromSequence: 0 }));
    const ended = new Promise((resolve) => {
      call.on('error', resolve);
    });
    // gRPC reads 16 messages ahead for whoever listens, and nobody takes them.
    call.on('readable', () => undefined);
    expect(await ended).toBeInstanceOf(Error);
    expect(server.refused).toMatchObject([{ code: 'E-CHANNEL-TIMEOUT' }]);
    expect(server.faults).toEqual([]);
  });

  it('refuses roles that a method does not list', async () => {
    const { study, server } = await desk(studyDesk(), { role: 'enclave' });
    const want = { got: 'consilium://enclave/alpha', want: 'site or researcher' };
    expect(await study.getContract({})).toStrictEqual(err(refusal('E-ORG-IDENTITY', 'role of the caller', want)));
    await expect(listen(study.watch({ fromSequence: 0 }))).rejects.toMatchObject({
      refusals: [{ code: 'E-ORG-IDENTITY' }],
    });
    expect(server.refused.map(({ code }) => code)).toEqual(['E-ORG-IDENTITY', 'E-ORG-IDENTITY']);
  });

  it('lets only researchers launch and stop', async () => {
    const site = await desk();
    const researcher = await desk(studyDesk(), { role: 'researcher' });
    expect(await site.study.launch({ rounds: 1 })).toMatchObject({ error: { code: 'E-ORG-IDENTITY' } });
    expect(await site.study.stop({ reason: '' })).toMatchObject({ error: { code: 'E-ORG-IDENTITY' } });
    expect(await researcher.study.launch({ rounds: 1 })).toStrictEqual({ ok: true, value: {} });
    expect(await researcher.study.stop({ reason: 'enough' })).toStrictEqual({ ok: true, value: {} });
    expect(await researcher.study.submitApproval({ approval: Uint8Array.of(1) })).toMatchObject({
      error: { code: 'E-ORG-IDENTITY' },
    });
  });

  it('refuses a message larger than the limit, in either direction', async () => {
    const size = { maxMessageBytes: 4096 };
    const big = { submitApproval: async () => err(refusal('E-USAGE', 'must not be reached')) };
    const incoming = await desk(studyDesk(big), { server: size });
    expect(await incoming.study.submitApproval({ approval: new Uint8Array(8000) })).toMatchObject({
      error: { code: 'E-CHANNEL-SIZE' },
    });
    const outgoing = await desk(studyDesk(), { client: size });
    expect(await outgoing.study.submitApproval({ approval: new Uint8Array(8000) })).toMatchObject({
      error: { code: 'E-CHANNEL-SIZE' },
    });
    expect(await incoming.study.getContract({})).toMatchObject({ ok: true });
  });

  it('gives up at the deadline', async () => {
    const { study } = await desk(studyDesk({ getStatus: () => new Promise(() => undefined) }));
    expect(await study.getStatus({}, { deadlineMs: 50 })).toStrictEqual(
      err(refusal('E-CHANNEL-TIMEOUT', 'status DEADLINE_EXCEEDED')),
    );
  });

  it('keeps calls over the stream limit waiting until one ends', async () => {
    let running = 0;
    let most = 0;
    const { study } = await desk(
      studyDesk({
        getStatus: async () => {
          most = Math.max(most, ++running);
          await new Promise((resolve) => setTimeout(resolve, 40));
          running--;
          return err(refusal('E-ROUND-PHASE'));
        },
      }),
      { server: { maxConcurrentStreams: 3 } },
    );
    const answers = await Promise.all(Array.from({ length: 12 }, () => study.getStatus({})));
    expect(answers.every((answer) => !answer.ok && answer.error.code === 'E-ROUND-PHASE')).toBe(true);
    expect(most).toBe(3);
  });

  it('refuses connections of one peer over its limit and leaves the others alone', async () => {
    const { server, study } = await desk(studyDesk(), { server: { maxConnectionsPerPeer: 1 } });
    expect(await study.getContract({})).toMatchObject({ ok: true });
    const again = dial(server, certificateOf('site', ALPHA));
    const other = dial(server, certificateOf('site', BETA));
    open.at(-1)?.connections.push(again, other);
    expect(await clientOf(again, studyMethods).getContract({}, { deadlineMs: 2000 })).toMatchObject({ ok: false });
    expect(await clientOf(other, studyMethods).getContract({})).toMatchObject({ ok: true });
    expect(server.refused[0]).toMatchObject({ code: 'E-TRANSPORT', detail: 'too many connections of one peer' });
  });

  it('does not take one server for another', async () => {
    const { server } = await desk();
    const mistaken = dial(
      { ...server, identity: { role: 'coordinator', id: organisationId('other-hub') } },
      certificateOf('site', ALPHA),
    );
    open.at(-1)?.connections.push(mistaken);
    expect(await clientOf(mistaken, studyMethods).getContract({})).toMatchObject({
      error: { code: 'E-TRANSPORT-CERTIFICATE' },
    });
  });
});

const phase = (sequence: number): StudyEvent => ({ sequence, at: instant(0), kind: 'phaseChanged', phase: 'open' });

async function* breaksOff(): AsyncGenerator<StudyEvent> {
  yield phase(0);
  throw new RefusalError(refusal('E-STATE-BEHIND', 'middle'));
}

async function* endless(): AsyncGenerator<StudyEvent> {
  for (let sequence = 0; ; sequence++) yield phase(sequence);
}

/** One event, then a wait without end, as in a study where nothing happens. */
function onceThenNever(onReturn: () => void): AsyncIterable<StudyEvent> {
  let asked = 0;
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => (asked++ === 0 ? Promise.resolve({ done: false, value: phase(0) }) : new Promise(() => undefined)),
      return: () => {
        onReturn();
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
}
