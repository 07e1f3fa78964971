import { writeFile } from 'node:fs/promises';
import { openSqliteStore } from '../../../../lib/store/sqlite.ts';
import type { MemoryDisk } from '../../../../lib/store/memory.ts';
import type { SealedContract } from '../../../../lib/contract/study-contract.ts';
import { organisationId } from '../../../../lib/core/ids.ts';
import { must } from '../../../support/study-in-memory.ts';
import { testApproval } from '../../../support/test-contract.ts';

interface Hospital {
  readonly organisation: string;
  readonly sealed: SealedContract;
  /** null: its agent has never run. */
  readonly disk: MemoryDisk | null;
  /** YAML behind `confirmed`. */
  readonly overlay?: string;
}

/** Configuration, papers and SQLite store of a hospital's agent, in `path()`; gives the path of the configuration. */
export async function hospitalFiles(
  path: (...names: string[]) => string,
  name: string,
  { organisation, sealed, disk, overlay = '' }: Hospital,
): Promise<string> {
  const config = `
organisation: ${organisation}
organisationKey: key
overlay: ${name}.overlay.yaml
contract: ${name}.contract.cbor
approval: ${name}.approval.cbor
coordinator: { host: localhost, port: 1, id: coordinator }
tls: { certificate: tls.crt, privateKey: key, authority: ca.crt }
data: cohorts/heart.csv
store: ${name}.sqlite
output: received
`;
  await writeFile(path('key'), new Uint8Array(32), { mode: 0o600 });
  await writeFile(path(`${name}.yaml`), config);
  await writeFile(path(`${name}.overlay.yaml`), `confirmed: []\n${overlay}`);
  await writeFile(path(`${name}.contract.cbor`), sealed.bytes);
  await writeFile(path(`${name}.approval.cbor`), testApproval(sealed, organisationId(organisation)));
  if (disk !== null) {
    const store = must(await openSqliteStore(path(`${name}.sqlite`)));
    for (const [stream, events] of disk.streams) must(await store.events.append(stream, 0, events));
    for (const [key, bytes] of disk.blobs) await store.blobs.put(key, bytes);
    await store.close();
  }
  return path(`${name}.yaml`);
}
