/**
 * The part of a terminal (ECMA-48) that the live display uses: text, CR, LF, cursor up (CSI A), erase below (CSI J),
 * and attributes (CSI m), with lines that wrap at the right margin.
 */
export class Screen {
  readonly #columns: number;
  #lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  write(text: string): void {
    // eslint-disable-next-line no-control-regex -- this is what a terminal reads
    for (const token of text.match(/\u001b\[\d*[A-Za-z]|[\s\S]/gu) ?? []) this.#take(token);
  }

  /** What a person sees, without empty lines at the end. */
  text(): string {
    return this.#lines.join('\n').trimEnd();
  }

  #take(token: string): void {
    if (token === '\r') this.#column = 0;
    else if (token === '\n') this.#lineFeed();
    else if (token.startsWith('\u001b')) this.#control(token);
    else this.#put(token);
  }

  #control(token: string): void {
    const count = Number(token.slice(2, -1) || '1');
    if (token.endsWith('A')) this.#row = Math.max(0, this.#row - count);
    else if (token.endsWith('J')) {
      this.#lines = [...this.#lines.slice(0, this.#row), (this.#lines[this.#row] ?? '').slice(0, this.#column)];
    } else if (!token.endsWith('m')) throw new Error(`unknown control ${JSON.stringify(token)}`);
  }

  #put(character: string): void {
    if (this.#column === this.#columns) this.#lineFeed();
    const line = (this.#lines[this.#row] ?? '').padEnd(this.#column);
    this.#lines[this.#row] = line.slice(0, this.#column) + character + line.slice(this.#column + 1);
    this.#column += 1;
  }

  #lineFeed(): void {
    this.#row += 1;
    this.#column = 0;
    this.#lines[this.#row] ??= '';
  }
}
