import { createServer } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { parseLies } from '../../lib/attestation/simulated/chip-arguments.ts';
import { simulatedRoot } from '../../lib/attestation/simulated/chip.ts';
import { signApproval } from '../../lib/contract/approval.ts';
import type { TrainingPlan } from '../../lib/contract/model-spec.ts';
import { epsilonOfPlan } from '../../lib/contract/privacy-plan.ts';
import type { Organisation, SealedContract } from '../../lib/contract/study-contract.ts';
import type { StudyFile } from '../../lib/contract/study-file.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { refusal, RefusalError } from '../../lib/core/errors.ts';
import { nearest } from '../../lib/core/nearest.ts';
import { instant, organisationId, type OrganisationId, type PublicKey } from '../../lib/core/ids.ts';
import { createAuthority } from '../../lib/wire/certificates.ts';
import type { Role } from '../../lib/wire/peer-identity.ts';
import { chooseNoise, usualPlacement } from '../setup/choose-noise.ts';
import { draftSimulationContract } from '../setup/draft.ts';
import { initOrganisation, organisationPaths, readOrganisationKey } from '../setup/organisation.ts';
import { confirmOrganisation } from '../setup/overlay.ts';
import { issueTls, type TlsFiles } from '../setup/tls.ts';
import { writePublic, writeSecret } from '../setup/write-file.ts';
import type { FaultRequest } from '../faults/fault-request.ts';
import type { FaultyNetwork } from '../faults/faulty-network.ts';
import type { SimulatedHospitals } from './hospitals.ts';
import { partyFolder, type RunFolder } from './run-folder.ts';
import type { RunSecrets } from './run-secrets.ts';
import type { SimulationOptions } from './simulation-options.ts';

const HOST = '127.0.0.1';
const SERVER_NAME = 'localhost';
const CERTIFICATE_DAYS = 7;
/** The simulator launches when it knows who will come: nobody else is waited for, and only just. */
const GATHER_MS = 1_000;
/** Long enough for a program to start again on a busy machine. */
const ABSENCE_MS = 20_000;
/** A hospital that is out of reach for a whole attempt is not waited for as if it were about to come back. */
const OUTAGE_ABSENCE_MS = 2_000;
const COORDINATOR = organisationId('coordinator');
const ENCLAVE = organisationId('enclave');
const RESEARCHER = organisationId('researcher');

export interface PreparedParty {
  readonly name: string;
  readonly command: 'coordinator' | 'enclave' | 'site';
  readonly config: string;
}

export interface PreparedRun {
  readonly sealed: SealedContract;
  readonly organisations: readonly Organisation[];
  readonly roots: readonly PublicKey[];
  readonly parties: readonly PreparedParty[];
  readonly coordinator: {
    readonly host: string;
    readonly port: number;
    readonly serverName: string;
    readonly id: OrganisationId;
  };
  readonly researcherTls: TlsFiles;
  /** The training that a model from the same rows, without noise, is fitted with after `rounds` released rounds. */
  readonly baseline: (rounds: number) => { readonly plan: TrainingPlan; readonly rounds: number };
  /** Where the agent of each hospital puts the models it received. */
  readonly outputs: ReadonlyMap<OrganisationId, string>;
}

interface Parts {
  readonly options: SimulationOptions;
  readonly folder: RunFolder;
  readonly secrets: RunSecrets;
  readonly study: StudyFile;
  readonly hospitals: SimulatedHospitals;
  readonly faults: readonly FaultRequest[];
  readonly network: FaultyNetwork;
}

/** Does what people do by hand before a study: keys, confirmations, certificates, contract, approvals, configurations. */
export async function prepareRun(parts: Parts): Promise<PreparedRun> {
  const { options, folder, secrets, study, hospitals, network } = parts;
  const lies = liesOf(parts);
  const { publicRoot, ...chip } = await prepareChip(parts);
  const organisations = await initOrganisations(parts);
  const synthetic = hospitals.synthetic ? ({ dataClass: 'synthetic' } as const) : {};
  const { noise, epsilon, delta, rounds } = options;
  const publicRecords = hospitals.hospitals.map(({ id, data }) => ({
    organisation: id,
    records: publishedRecords(data.train.rows),
  }));
  const chosen = chooseNoise(study, {
    placement: noise ?? usualPlacement(study),
    epsilon,
    delta,
    rounds,
    publicRecords,
  });
  const sealed = draftSimulationContract({
    ...chosen,
    organisations,
    at: secrets.now(),
    instances: { enclave: ['chip-enclave'], site: organisations.map(({ id }) => `chip-${id}`) },
    ...synthetic,
  });
  await writePublic(folder.contract, sealed.bytes);
  await approveAll(parts, sealed);

  const at = instant(Date.now() - 60_000);
  const authority = createAuthority({ name: 'Consilium simulation', at, days: CERTIFICATE_DAYS });
  const tls = (party: string, role: Role, id: OrganisationId): Promise<TlsFiles> =>
    issueTls(authority, partyFolder(folder, party), {
      role,
      id,
      addresses: [SERVER_NAME, HOST],
      at,
      days: CERTIFICATE_DAYS,
    });
  const [coordinatorPort, enclavePort] = await freePorts();
  const coordinator = { host: HOST, port: coordinatorPort, serverName: SERVER_NAME, id: COORDINATOR };
  const enclave = { host: HOST, port: enclavePort, serverName: SERVER_NAME, id: ENCLAVE };
  const log = (name: string): object => ({ file: join(folder.logs, `${name}.log`), level: 'info' });
  const fixed = secrets.fixedTime === null ? {} : { fixedTime: new Date(secrets.fixedTime).toISOString() };

  const parties: PreparedParty[] = [];
  const configure = async (party: PreparedParty['command'], name: string, config: object): Promise<void> => {
    const path = join(partyFolder(folder, name), `${party}.yaml`);
    await writePublic(path, stringify(config));
    parties.push({ name, command: party, config: path });
  };
  await configure('coordinator', 'coordinator', {
    id: COORDINATOR,
    listen: { host: HOST, port: coordinatorPort },
    tls: await tls('coordinator', 'coordinator', COORDINATOR),
    store: join(partyFolder(folder, 'coordinator'), 'coordinator.sqlite'),
    contract: folder.contract,
    enclave: await network.lay('enclave', enclave),
    gatherMs: GATHER_MS,
    absenceMs: parts.faults.some(lastsAnAttempt) ? OUTAGE_ABSENCE_MS : ABSENCE_MS,
    ...fixed,
    log: log('coordinator'),
  });
  await configure('enclave', 'enclave', {
    id: ENCLAVE,
    listen: { host: HOST, port: enclavePort },
    tls: await tls('enclave', 'enclave', ENCLAVE),
    store: join(partyFolder(folder, 'enclave'), 'enclave.sqlite'),
    log: log('enclave'),
    simulation: {
      ...chip,
      instance: 'chip-enclave',
      ...(await seedOf(parts, 'enclave')),
      ...fixed,
      lies: lies.get(ENCLAVE) ?? [],
    },
  });
  const outputs = new Map<OrganisationId, string>();
  for (const { id, path } of hospitals.hospitals) {
    const own = partyFolder(folder, id);
    const files = organisationPaths(own);
    const output = join(own, 'received');
    outputs.set(id, output);
    await configure('site', id, {
      organisation: id,
      organisationKey: files.key,
      overlay: files.overlay,
      contract: folder.contract,
      approval: join(own, 'approval.cbor'),
      coordinator: await network.lay(id, coordinator),
      ...(options.direct ? { enclave: await network.lay(id, enclave) } : {}),
      tls: await tls(id, 'site', id),
      data: path,
      store: join(own, 'site.sqlite'),
      output,
      // Every round's model is measured, perhaps long after its round.
      keepModels: sealed.contract.rounds,
      ...(options.backend === null ? {} : { backend: options.backend }),
      log: log(id),
      simulation: {
        ...chip,
        instance: `chip-${id}`,
        ...(await seedOf(parts, id)),
        ...fixed,
        lies: lies.get(id) ?? [],
      },
    });
  }
  const baseline: PreparedRun['baseline'] = (released) =>
    chosen.privacy.placement === 'none'
      ? { plan: sealed.contract.training, rounds: released }
      : { plan: study.training, rounds: study.rounds };
  const researcherTls = await tls('researcher', 'researcher', RESEARCHER);
  return { sealed, organisations, roots: [publicRoot], parties, coordinator, researcherTls, baseline, outputs };
}

/** What a hospital of this size would publish: two digits, so that no record more or less shows. */
function publishedRecords(rows: number): number {
  const unit = Math.max(10, 10 ** (Math.floor(Math.log10(Math.max(rows, 1))) - 1));
  return Math.max(unit, Math.round(rows / unit) * unit);
}

const lastsAnAttempt = (fault: FaultRequest): boolean => 'seconds' in fault && fault.seconds === null;

/** Lies by party. Throws RefusalError E-USAGE for a party that is not in the run and a lie that no chip understands. */
function liesOf({ options, hospitals }: Parts): ReadonlyMap<string, string[]> {
  const parties = [ENCLAVE, ...hospitals.hospitals.map(({ id }) => id)];
  const lies = new Map<string, string[]>();
  for (const { party, lie } of options.lies) {
    if (!parties.some((id) => id === party)) {
      const near = nearest(party, parties);
      const hint = near === null ? `parties are ${parties.join(', ')}` : `did you mean ${near}?`;
      throw new RefusalError(refusal('E-USAGE', `--lie: no party ${party}; ${hint}`));
    }
    lies.set(party, [...(lies.get(party) ?? []), lie]);
  }
  const understood = parseLies([...lies.values()].flat());
  if (!understood.ok) throw new RefusalError(understood.error);
  return lies;
}

interface PreparedChip {
  readonly rootSeedFile: string;
  readonly roots: readonly string[];
}

async function prepareChip({ folder, secrets }: Parts): Promise<PreparedChip & { readonly publicRoot: PublicKey }> {
  const seed = secrets.secret('chip root');
  const rootSeedFile = join(folder.work, 'chip-root.seed');
  await writeSecret(rootSeedFile, seed);
  const publicRoot = simulatedRoot(seed);
  return { rootSeedFile, roots: [toHex(publicRoot)], publicRoot };
}

async function initOrganisations({ folder, secrets, hospitals }: Parts): Promise<Organisation[]> {
  const organisations: Organisation[] = [];
  for (const { id, name } of hospitals.hospitals) {
    organisations.push(
      await initOrganisation(partyFolder(folder, id), { id, name, seed: secrets.secret(`organisation ${id}`) }),
    );
  }
  for (const { id } of organisations) {
    for (const other of organisations)
      await confirmOrganisation(organisationPaths(partyFolder(folder, id)).overlay, other, new Date(secrets.now()));
  }
  return organisations;
}

async function approveAll({ folder, hospitals }: Parts, sealed: SealedContract): Promise<void> {
  for (const { id } of hospitals.hospitals) {
    const signer = await readOrganisationKey(organisationPaths(partyFolder(folder, id)).key);
    const fields = {
      contract: sealed.digest,
      organisation: id,
      epsilonBudget: epsilonOfPlan(sealed.contract.privacy),
      expires: sealed.contract.validity.notAfter,
    };
    await writePublic(join(partyFolder(folder, id), 'approval.cbor'), signApproval(fields, signer));
  }
}

async function seedOf({ folder, secrets }: Parts, party: string): Promise<{ seedFile?: string }> {
  if (!secrets.seeded) return {};
  const seedFile = join(partyFolder(folder, party), 'simulation.seed');
  await writeSecret(seedFile, secrets.secret(`party ${party}`));
  return { seedFile };
}

/** Two ports that nobody listens on at this moment. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const;
  const listening = servers.map(
    (server) =>
      new Promise<number>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: HOST, port: 0 }, () => {
          const bound = server.address();
          resolve(typeof bound === 'object' && bound !== null ? bound.port : 0);
        });
      }),
  );
  const [first = 0, second = 0] = await Promise.all(listening);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return [first, second];
}
