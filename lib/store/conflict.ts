import { refusal, type Refusal } from '../core/errors.ts';

/** E-STORE-CONFLICT: the stream stands at `got` where the writer wanted `want`. */
export const conflict = (stream: string, versions: { got: number; want: number }): Refusal =>
  refusal('E-STORE-CONFLICT', `stream ${stream}`, {
    got: `version ${versions.got}`,
    want: `version ${versions.want}`,
  });
