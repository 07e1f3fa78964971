// eslint-disable-next-line no-control-regex -- names come from contracts and peers: they must not steer a terminal
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** `text` on one line, without control characters and without marks that turn the writing direction. */
export const printable = (text: string): string => text.replace(CONTROL, ' ');

const segmenter = new Intl.Segmenter();

/** What a reader counts as one character, accents and emoji included. */
export const characters = (text: string): string[] => Array.from(segmenter.segment(text), ({ segment }) => segment);

/** Cut to `columns` characters, the last of them `…` where something was cut off. */
export function fitted(text: string, columns: number): string {
  const all = characters(text);
  if (all.length <= columns) return text;
  return columns <= 0 ? '' : `${all.slice(0, columns - 1).join('')}…`;
}

/** `text` broken between words into lines of at most `columns` characters; a longer word stays whole. */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
