import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootsText } from '../../../../cli/setup/roots-file.ts';
import { SimulatedChip } from '../../../../lib/attestation/simulated/chip.ts';
import { decodeBundle, encodeBundle, type PassportBundle } from '../../../../lib/audit/passport-bundle.ts';
import { toHex } from '../../../../lib/core/bytes.ts';
import { encodeModelFile, type ModelFile } from '../../../../lib/learning/model-file.ts';
import { MemoryStudy, must } from '../../../support/study-in-memory.ts';
import { digestOf, START, testContract } from '../../../support/test-contract.ts';

/** A model that a study really released, with evidence that a simulated chip really signed. */
export interface ReleasedStudy {
  readonly bundle: PassportBundle;
  readonly model: ModelFile;
  readonly files: { readonly bundle: string; readonly model: string; readonly keys: string; readonly roots: string };
}

/** Runs one round in memory and lays `passport.cbor`, `model.cbor`, `organisations.json` and `roots.json` into `folder`. */
export async function releasedStudy(folder: string, sealed = testContract()): Promise<ReleasedStudy> {
  const study = new MemoryStudy(sealed);
  study.run(1);
  const chip = new SimulatedChip({ rootSeed: digestOf('chip root'), instance: 'chip-1', now: () => START });
  const withoutEvidence = must(decodeBundle(study.enclave.bundle()));
  const publications = withoutEvidence.publications.map((publication) => ({
    ...publication,
    evidence: chip.quote(
      { measurement: digestOf('program'), role: 'enclave' },
      {
        kind: 'publication',
        publication: {
          bootKey: publication.bootKey,
          contractDigest: publication.contract,
          genesisDigest: publication.genesis,
          headDigest: publication.head.digest,
        },
      },
    ),
  }));
  const bundle = { ...withoutEvidence, publications };
  const received = study.site('adler').model();
  const { contract, digest } = study.sealed;
  const model = { contract: digest, spec: contract.model.spec, schema: contract.schema, ...received };
  const files = {
    bundle: join(folder, 'passport.cbor'),
    model: join(folder, 'model.cbor'),
    keys: join(folder, 'organisations.json'),
    roots: join(folder, 'roots.json'),
  };
  await mkdir(folder, { recursive: true });
  await writeFile(files.bundle, encodeBundle(bundle));
  await writeFile(files.model, encodeModelFile(model));
  const keys = contract.organisations.map(({ id, name, key }) => ({ id, name, key: toHex(key) }));
  await writeFile(files.keys, JSON.stringify(keys));
  await writeFile(files.roots, rootsText([chip.root]));
  return { bundle, model, files };
}
