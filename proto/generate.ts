import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LOADER_OPTIONS, PROTO_FILES, PROTO_ROOT } from '../lib/wire/load-proto.ts';

/** Where the checked-in types are; `test/unit/wire/generated-types.test.ts` compares them with a fresh run. */
export const GENERATED_FOLDER = join(PROTO_ROOT, 'consilium', 'v1', 'generated');

/** Writes the TypeScript types of every .proto file into `folder`, with the options the loader itself uses. */
export async function generateTypes(folder: string): Promise<void> {
  const loader = fileURLToPath(import.meta.resolve('@grpc/proto-loader'));
  const generator = join(dirname(loader), '..', 'bin', 'proto-loader-gen-types.js');
  const options = [
    `--longs=${LOADER_OPTIONS.longs.name}`,
    `--enums=${LOADER_OPTIONS.enums.name}`,
    '--defaults',
    '--oneofs',
    '--grpcLib=@grpc/grpc-js',
    '--importFileExtension=.ts',
    // Relative, because the generator writes the path it was given into every file.
    `--includeDirs=${basename(PROTO_ROOT)}`,
    `--outDir=${resolve(folder)}`,
  ];
  await promisify(execFile)(process.execPath, [generator, ...options, ...PROTO_FILES], { cwd: dirname(PROTO_ROOT) });
}

if (import.meta.main) {
  await rm(GENERATED_FOLDER, { recursive: true, force: true });
  await generateTypes(GENERATED_FOLDER);
}
