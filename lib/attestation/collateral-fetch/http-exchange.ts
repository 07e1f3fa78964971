import { refusal, type ErrorCode, type Refusal } from '../../core/errors.ts';
import { err, ok, type Result } from '../../core/result.ts';

export interface HttpQuestion {
  readonly url: URL;
  /** What is asked for, for messages: addresses would tell the log which machine is meant. */
  readonly what: string;
  /** Left out: GET. */
  readonly post?: { readonly type: string; readonly body: Uint8Array };
}

export interface HttpLimits {
  /** For the whole exchange. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export interface HttpAnswer {
  readonly body: Uint8Array;
  readonly headers: Headers;
}

const MAX_RETRY_TEXT = 40;

/**
 * One exchange, bounded in time and size. Redirects are not followed, nothing but the question is sent. Whatever is not
 * a whole answer with status 200 is a refusal: E-COLLATERAL-UNREACHABLE for what may pass (no connection, cut off, too
 * slow, 429, 5xx), E-COLLATERAL-REFUSED for every other status, E-ATTEST-COLLATERAL-INVALID for too large an answer.
 */
export async function httpExchange(
  { url, what, post }: HttpQuestion,
  { timeoutMs, maxBytes }: HttpLimits,
): Promise<Result<HttpAnswer, Refusal>> {
  const refuse = (code: ErrorCode, why: string): Result<never, Refusal> =>
    err(refusal(code, `${what} from ${url.host}: ${why}`));
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      signal: AbortSignal.timeout(timeoutMs),
      headers: { accept: '*/*', ...(post && { 'content-type': post.type }) },
      ...(post && { method: 'POST', body: new Uint8Array(post.body) }),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      return refuse(...statusFault(response));
    }
    const body = await boundedBody(response, maxBytes);
    if (body === null) return refuse('E-ATTEST-COLLATERAL-INVALID', `more than ${maxBytes} bytes`);
    return ok({ body, headers: response.headers });
  } catch (fault) {
    return refuse('E-COLLATERAL-UNREACHABLE', networkFault(fault, timeoutMs));
  }
}

function statusFault({ status, headers }: Response): [ErrorCode, string] {
  if (status >= 300 && status < 400) return ['E-COLLATERAL-REFUSED', `status ${status}: a redirect, not followed`];
  if (status !== 429 && status < 500) return ['E-COLLATERAL-REFUSED', `status ${status}`];
  const after = headers.get('retry-after')?.slice(0, MAX_RETRY_TEXT) ?? '';
  const when = /^\d{1,9}$/.test(after) ? `${after} seconds` : new Date(after).getTime() > 0 ? after : null;
  return ['E-COLLATERAL-UNREACHABLE', `status ${status}${when === null ? '' : `: try again after ${when}`}`];
}

/** Null: larger. What was read so far is all that is ever held. */
async function boundedBody({ body }: Response, maxBytes: number): Promise<Uint8Array | null> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of body ?? []) {
    const bytes = piece as Uint8Array;
    size += bytes.length;
    if (size > maxBytes) return null;
    pieces.push(bytes);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

/** Node throws TypeError with the reason as its cause; what is neither that nor our timeout is a bug. */
function networkFault(fault: unknown, timeoutMs: number): string {
  if (fault instanceof Error && fault.name === 'TimeoutError') return `no whole answer within ${timeoutMs / 1000} s`;
  if (!(fault instanceof TypeError)) throw fault;
  const { cause } = fault;
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  return /^[A-Z_0-9]{1,64}$/.test(code) ? code : 'the connection was cut off';
}
