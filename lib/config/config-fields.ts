import { resolve } from 'node:path';
import { z } from 'zod';
import { secretFileProblem } from './named-file.ts';

/** Field types that know where the configuration file lies. */
export interface ConfigFields {
  /** A file or folder; relative to the configuration file. */
  readonly path: z.ZodType<string>;
  /** A file that holds a secret: must exist and be readable by its owner only, who runs the program. Secrets themselves never stand here. */
  readonly secretFile: z.ZodType<string>;
}

const MAX_PATH_LENGTH = 4096;

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
