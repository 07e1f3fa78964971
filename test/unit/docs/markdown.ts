import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** Folders that hold nothing of ours. */
const NOT_OURS = new Set(['node_modules', '.git', 'runs', 'coverage', 'reports', '.stryker-tmp']);

/** Paths of all files of the repository, relative to its root, whose name fits. */
export function filesOf(fits: (name: string) => boolean, folder = repositoryRoot): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : filesOf(fits, path);
    return fits(entry.name) ? [relative(repositoryRoot, path).replaceAll('\\', '/')] : [];
  });
}

export const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8');

const FENCE = /^```.*?^```$/gms;

/** Without code blocks and code spans, whose brackets are no links. */
export const prose = (markdown: string): string => markdown.replaceAll(FENCE, '').replaceAll(/`[^`\n]*`/g, '');

/** What stands in code blocks and code spans. */
export function code(markdown: string): string[] {
  const blocks = [...markdown.matchAll(FENCE)].map(([block]) => block);
  const spans = [...markdown.replaceAll(FENCE, '').matchAll(/`([^`\n]+)`/g)].map(([, span]) => span ?? '');
  return [...blocks, ...spans];
}

/** The anchors of a page's headings, as GitHub and GitLab make them. */
export function anchors(markdown: string): Set<string> {
  const headings = [...markdown.replaceAll(FENCE, '').matchAll(/^#{1,6} (.+)$/gm)].map(([, title]) => title ?? '');
  return new Set(
    headings.map((title) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(/\s/g, '-'),
    ),
  );
}

/** Rows of the table below the heading `title`, each a list of trimmed cells; header and rule left out. */
export function tableUnder(markdown: string, title: string): string[][] {
  const [, section = ''] = markdown.split(new RegExp(`^#+ ${title}$`, 'm'));
  const [own = ''] = section.split(/^#/m);
  const lines = own.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}
