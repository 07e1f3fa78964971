import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { siteCommand } from '../../../../cli/commands/programs.ts';
import { toHex } from '../../../../lib/core/bytes.ts';
import { openSqliteStore } from '../../../../lib/store/sqlite.ts';
import type { Store } from '../../../../lib/store/store.ts';
import { isBackupAccepted } from '../../../../site-agent/accepted-backups.ts';
import { encodeSiteEvent } from '../../../../site-agent/event-codec.ts';
import { siteStream } from '../../../../site-agent/replay-site.ts';
import { MemorySite, MemoryStudy, must } from '../../../support/study-in-memory.ts';
import { testContract } from '../../../support/test-contract.ts';
import { runCommand, testFolder, type Ran } from './run-command.ts';

const path = testFolder();
const study = new MemoryStudy(testContract());
const CONTRACT = toHex(study.sealed.digest);
const STREAM = siteStream(study.sealed.digest);

/** The same hospital with a new disk, which has been shown everything. */
function newDisk(): MemorySite {
  const { signer } = study.enclave.environment;
  const site = new MemorySite(study.sealed, study.site('birch').environment.organisation);
  must(site.handle({ type: 'trust-boot-key', bootKey: signer.publicKey }));
  for (const statement of study.enclave.statements()) must(site.see(statement));
  return site;
}

const accept = (name: string, ...more: string[]): Promise<Ran> =>
  runCommand(siteCommand, 'site', 'accept-backup', '--config', path(`${name}.yaml`), ...more);

async function inStore<T>(name: string, use: (store: Store) => Promise<T>): Promise<T> {
  const store = must(await openSqliteStore(path(`${name}.sqlite`)));
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** Configuration and, for a site, the store of an agent. */
async function agentOf(name: string, site: MemorySite | null): Promise<void> {
  const yaml = `
organisation: birch
organisationKey: key
overlay: overlay.yaml
contract: contract.cbor
approval: approval.cbor
coordinator: { host: localhost, port: 1, id: coordinator }
tls: { certificate: tls.crt, privateKey: key, authority: ca.crt }
data: data.csv
store: ${name}.sqlite
output: received
`;
  await writeFile(path(`${name}.yaml`), yaml);
  if (site === null) return;
  await inStore(name, async ({ events }) => {
    must(await events.append(STREAM, 0, site.log.map(encodeSiteEvent)));
  });
}

beforeAll(async () => {
  study.run(1);
  study.run(2);
  await writeFile(path('key'), new Uint8Array(32), { mode: 0o600 });
  await writeFile(path('contract.cbor'), study.sealed.bytes);
  await agentOf('behind', newDisk());
  await agentOf('healthy', study.site('birch'));
  await agentOf('unborn', null);
});

describe('consilium site accept-backup', () => {
  test('leaves word for the agent about exactly the statement that it was surprised by', async () => {
    const counter = newDisk().state.behind ?? -1;
    const { exit, json } = await accept('behind', '--json');
    expect(exit).toBe(0);
    expect(json()).toEqual({
      ...{ type: 'backup-accepted', accepted: true, organisation: 'birch' },
      ...{ contract: CONTRACT, since: counter, recoveredDebits: 2 },
    });
    const contract = study.sealed.digest;
    await inStore('behind', async ({ events }) => {
      expect(await isBackupAccepted(events, { contract, counter })).toBe(true);
      expect(await isBackupAccepted(events, { contract, counter: counter + 1 })).toBe(false);
      expect(await events.read(STREAM)).toHaveLength(newDisk().log.length);
    });
    const told = await accept('behind');
    expect(told.stdout).toContain(`Accepted: the store of birch is older than statement ${counter} of the study.`);
    expect(told.stdout).toContain('2 updates that were sent since');
  });

  test('accepts nothing in advance', async () => {
    const { exit, json } = await accept('healthy', '--json');
    expect(exit).toBe(0);
    expect(json()).toMatchObject({ accepted: false, since: null, recoveredDebits: 0 });
    expect((await accept('healthy')).stdout).toContain('Nothing to accept');
    await inStore('healthy', async ({ events }) => {
      expect(await events.read('accepted-backups')).toEqual([]);
    });
  });

  test('makes no store where there is none, and opens none that is damaged', async () => {
    expect(await accept('unborn')).toMatchObject({
      exit: 74,
      stderr: expect.stringContaining('E-STORE-PATH') as string,
    });
    expect(existsSync(path('unborn.sqlite'))).toBe(false);
    await writeFile(path('unborn.sqlite'), new Uint8Array(5000), { mode: 0o600 });
    expect((await accept('unborn')).stderr).toContain('E-STORE-DAMAGED');
  });
});
