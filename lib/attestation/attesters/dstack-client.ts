import { request } from 'node:http';
import { refusedBySystem, unavailable } from './unavailable.ts';

export const DSTACK_SOCKET = '/var/run/dstack.sock';
export const DSTACK_ABSENT = 'mount /var/run/dstack.sock into the container (docker-compose: volumes)';
const MAX_ANSWER_BYTES = 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;

/** Methods of the guest agent that are called here. */
export type DstackMethod = 'GetQuote' | 'GetKey' | 'Info';

export interface DstackClient {
  /** The members of the JSON object that the agent answers. Rejects with RefusalError E-ATTEST-UNAVAILABLE. */
  call(method: DstackMethod, parameters: Readonly<Record<string, string>>): Promise<Readonly<Record<string, unknown>>>;
}

/** The guest agent of dstack: JSON over HTTP over a Unix socket; at most 1 MiB and 30 s for an answer. */
export function dstackClient(socketPath = DSTACK_SOCKET, timeoutMs = DEFAULT_TIMEOUT_MS): DstackClient {
  return {
    async call(method, parameters) {
      const tried = `${socketPath} ${method}`;
      const { status, body } = await post(method, JSON.stringify(parameters)).catch((fault: unknown) => {
        throw refusedBySystem(fault, tried, DSTACK_ABSENT);
      });
      if (status !== 200) throw unavailable(tried, `HTTP status ${status}`, "look at the guest agent's log");
      const answer = jsonObject(body);
      if (answer === null) throw unavailable(tried, 'no JSON object', 'update dstack to 0.5 or newer');
      return answer;
    },
  };

  function post(method: DstackMethod, body: string): Promise<{ status: number | undefined; body: string }> {
    const fault = (code: string): Error => Object.assign(new Error(code), { code });
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const asked = request({ socketPath, path: `/${method}`, method: 'POST', headers, agent: false }, (response) => {
        const parts: Buffer[] = [];
        let length = 0;
        response.on('data', (part: Buffer) => {
          length += part.length;
          if (length > MAX_ANSWER_BYTES) asked.destroy(fault('EFBIG'));
          else parts.push(part);
        });
        response.on('end', () => {
          resolve({ status: response.statusCode, body: Buffer.concat(parts).toString('utf8') });
        });
        response.on('error', reject);
      });
      // Not the socket's idle time, which an answer of one byte a second never reaches.
      const timer = setTimeout(() => asked.destroy(fault('ETIMEDOUT')), timeoutMs);
      asked.on('error', reject);
      asked.on('close', () => {
        clearTimeout(timer);
      });
      asked.end(body);
    });
  }
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : null;
  } catch {
    return null;
  }
}
