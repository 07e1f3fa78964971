import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';

/** Field types that know where the configuration file lies. */
export interface ConfigFields {
  /** A file or folder; relative to the configuration file. */
  readonly path: z.ZodType<string>;
  /** A file that holds a secret: must exist and be readable by its owner only. Secrets themselves never stand here. */
  readonly secretFile: z.ZodType<string>;
}

const MAX_PATH_LENGTH = 4096;
const GROUP_AND_OTHERS = 0o077;

export function configFields(folder: string): ConfigFields {
  const given = z.string().min(1).max(MAX_PATH_LENGTH);
  return {
    path: given.transform((text) => resolve(folder, text)),
    secretFile: given.transform((text, context) => {
      const problem = looksLikeSecret(text)
        ? 'must be the path of a file that holds the secret, not the secret itself'
        : secretFileProblem(resolve(folder, text));
      if (problem !== null) context.addIssue({ code: 'custom', message: problem });
      return resolve(folder, text);
    }),
  };
}

/** PEM, anything on several lines, and 32 bytes or more in hexadecimal or base64. */
const looksLikeSecret = (text: string): boolean =>
  text.includes('\n') || /-----BEGIN|^(?:[0-9a-fA-F]{64,}|[\w+-]{43,}|[\w+/-]{40,}={1,2})$/.test(text);

function secretFileProblem(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 'there is no such file';
  if (!found.isFile()) return 'is not a file';
  if (process.platform !== 'win32' && (found.mode & GROUP_AND_OTHERS) !== 0) {
    return 'must be readable by its owner only (chmod 600)';
  }
  return null;
}
