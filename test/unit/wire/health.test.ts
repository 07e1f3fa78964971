import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientOf, type ClientOf } from '../../../lib/wire/client.ts';
import type { Connection } from '../../../lib/wire/connection.ts';
import { healthMethods } from '../../../lib/wire/health-codec.ts';
import { createHealth } from '../../../lib/wire/health.ts';
import { ROLES } from '../../../lib/wire/peer-identity.ts';
import { ALPHA, certificateOf, COORDINATOR, dial, serve, type WatchedServer } from './consortium.ts';

const STUDY = 'consilium.v1.StudyService';
const health = createHealth();
let server: WatchedServer;
let connection: Connection;
let client: ClientOf<typeof healthMethods>;
beforeAll(async () => {
  server = await serve(COORDINATOR, [health.service]);
  connection = dial(server, certificateOf('site', ALPHA));
  client = clientOf(connection, healthMethods);
});
afterAll(async () => {
  connection.close();
  await server.stop(0);
});

describe('grpc.health.v1.Health', () => {
  it('answers NOT_FOUND until it is told of a service', async () => {
    expect(await client.check({ service: STUDY })).toMatchObject({ ok: false, error: { code: 'E-SERVICE-UNKNOWN' } });
    health.set(STUDY, true);
    expect(await client.check({ service: STUDY })).toStrictEqual({ ok: true, value: { status: 'SERVING' } });
    health.set(STUDY, false);
    expect(await client.check({ service: STUDY })).toStrictEqual({ ok: true, value: { status: 'NOT_SERVING' } });
  });

  it('serves every role', async () => {
    health.set('', true);
    for (const role of ROLES) {
      const own = dial(server, certificateOf(role, ALPHA));
      expect(await clientOf(own, healthMethods).check({ service: '' })).toMatchObject({ value: { status: 'SERVING' } });
      own.close();
    }
  });

  it('watches: unknown first, then each change once', async () => {
    const seen: string[] = [];
    const steps: Record<string, () => void> = {
      SERVICE_UNKNOWN: () => {
        health.set('later', true);
        health.set('another', true);
      },
      SERVING: () => {
        health.set('later', true);
        health.set('later', false);
      },
    };
    for await (const { status } of client.watch({ service: 'later' })) {
      seen.push(status);
      steps[status]?.();
      if (status === 'NOT_SERVING') break;
    }
    expect(seen).toEqual(['SERVICE_UNKNOWN', 'SERVING', 'NOT_SERVING']);
  });

  it('speaks the names and numbers of the published interface', () => {
    expect(healthMethods.check.path).toBe('/grpc.health.v1.Health/Check');
    expect(healthMethods.watch.path).toBe('/grpc.health.v1.Health/Watch');
    const { request, response } = healthMethods.check;
    expect([...request.encode({ service: 'a' })]).toEqual([0x0a, 1, 0x61]);
    expect([...response.encode({ status: 'SERVING' })]).toEqual([0x08, 1]);
    expect([...response.encode({ status: 'NOT_SERVING' })]).toEqual([0x08, 2]);
    expect([...response.encode({ status: 'SERVICE_UNKNOWN' })]).toEqual([0x08, 3]);
  });
});
