import { EVIDENCE_FORMATS, type EvidenceFormat } from '../../../lib/attestation/evidence-claims.ts';
import type { ParsedField } from '../../../lib/attestation/parsed-field.ts';
import { platformOf, recognisedPlatform } from '../../../lib/attestation/platforms.ts';
import { refusal, RefusalError } from '../../../lib/core/errors.ts';
import { addExamples, type CommandModule } from '../../command-module.ts';
import { printable, wrapped } from '../../output/printable.ts';
import { platformOption, readEvidence } from './evidence-options.ts';

const MOST_COLUMNS = 140;
const OFFSET_COLUMNS = 8;

/** `consilium attest show`: every field of evidence, believed or not. */
export const attestShow: CommandModule = {
  register(group, io) {
    const command = group
      .command('show')
      .summary('print every field of a piece of evidence')
      .description(
        'Prints every parsed field with its name, its place in the evidence and its meaning. Nothing is verified: ' +
          'use it to read evidence, never to trust it.',
      )
      .argument('<file>', 'the evidence')
      .addOption(platformOption())
      .action(async (file: string) => {
        const { platform, json } = command.optsWithGlobals<{ platform: EvidenceFormat | 'auto'; json?: true }>();
        const { format, fields } = await fieldsOf(file, platform);
        io.stdout.write(
          json
            ? `${JSON.stringify({ type: 'evidence', format, verified: false, fields })}\n`
            : inWords(format, fields, Math.min(io.stdout.size().columns, MOST_COLUMNS) - 1),
        );
      });
    addExamples(command, [['consilium attest show quote.bin', 'What is in a quote:']]);
  },
};

async function fieldsOf(
  path: string,
  wanted: EvidenceFormat | 'auto',
): Promise<{ format: EvidenceFormat; fields: readonly ParsedField[] }> {
  const { bytes } = await readEvidence(path);
  const platform = wanted === 'auto' ? recognisedPlatform(bytes) : platformOf(wanted);
  if (platform === null) {
    const want = `evidence of ${wanted === 'auto' ? EVIDENCE_FORMATS.join(', ') : wanted}`;
    throw new RefusalError(refusal('E-ATTEST-MALFORMED', path, { got: 'bytes of no known format', want }));
  }
  const parsed = platform.parse(bytes);
  if (!parsed.ok) throw new RefusalError(parsed.error);
  return { format: platform.format, fields: parsed.value.fields() };
}

function inWords(format: EvidenceFormat, fields: readonly ParsedField[], width: number): string {
  const lines = fields.flatMap(({ name, offset, value, meaning }) => [
    printable(`${String(offset ?? '').padStart(OFFSET_COLUMNS - 2)}  ${name}`),
    ...[value, meaning]
      .filter((text) => text !== '')
      .flatMap((text) => wrapped(printable(text), width - OFFSET_COLUMNS))
      .map((line) => `${' '.repeat(OFFSET_COLUMNS)}${line}`),
  ]);
  return [`Evidence of ${format}, NOT verified. Byte offset, name, value, meaning:`, '', ...lines, ''].join('\n');
}
