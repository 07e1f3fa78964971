import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];

/** Null: this machine has none on its PATH. */
export const chromiumPath: string | null =
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find(isExecutable) ?? null;

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
  readonly method?: string;
}

/** One page of a headless browser, driven by the DevTools protocol over a pipe: no port, no library. */
export class ChromiumPage {
  readonly #process: ChildProcess;
  readonly #input: Writable;
  readonly #profile: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #loaded: () => void = () => undefined;
  #session: string | undefined;
  #next = 0;

  private constructor(path: string) {
    this.#profile = mkdtempSync(join(tmpdir(), 'consilium-chromium-'));
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--remote-debugging-pipe'];
    this.#process = spawn(path, [...flags, `--user-data-dir=${this.#profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    this.#input = this.#process.stdio[3] as Writable;
    this.#listen(this.#process.stdio[4] as Readable);
    this.#process.once('exit', () => {
      for (const answer of this.#waiting.values()) answer({ error: { message: 'the browser ended' } });
    });
  }

  static async launch(path: string): Promise<ChromiumPage> {
    const page = new ChromiumPage(path);
    const { targetId } = await page.send<{ targetId: string }>('Target.createTarget', { url: 'about:blank' });
    const attached = await page.send<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
    page.#session = attached.sessionId;
    await page.send('Page.enable');
    return page;
  }

  /** Rejects with the browser's own words. */
  async send<T = unknown>(method: string, params: object = {}): Promise<T> {
    const id = this.#next++;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#waiting.set(id, resolve);
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    this.#input.write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    const { result, error } = await promise;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result as T;
  }

  /** Shows `markup` as a page of its own, `width` CSS pixels wide. */
  async show(markup: string, width: number): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: false });
    const loaded = new Promise<void>((resolve) => {
      this.#loaded = resolve;
    });
    await this.send('Page.navigate', {
      url: `data:text/html;charset=utf-8;base64,${Buffer.from(markup).toString('base64')}`,
    });
    await loaded;
  }

  /** The value of an expression, awaited; the page's own policy does not bind the debugger. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send<{
      result: { value: T };
      exceptionDetails?: { text: string; exception?: { description?: string } };
    }>('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails !== undefined)
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#session = undefined;
    await this.send('Browser.close').catch(() => this.#process.kill('SIGKILL'));
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #listen(output: Readable): void {
    let rest = '';
    output.setEncoding('utf8');
    output.on('data', (chunk: string) => {
      const messages = `${rest}${chunk}`.split('\0');
      rest = messages.pop() ?? '';
      for (const message of messages) this.#take(JSON.parse(message) as Answer);
    });
  }

  #take(answer: Answer): void {
    if (answer.method === 'Page.loadEventFired') this.#loaded();
    if (answer.id === undefined) return;
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }
}
