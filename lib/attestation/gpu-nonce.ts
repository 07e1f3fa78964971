import { hash } from '../core/hash.ts';

/**
 * The 32 bytes that a GPU's evidence carries for `reportData` (64 bytes): H("gpu-nonce", report data). The verifier
 * computes it from report data that it has computed itself.
 */
export const gpuNonce = (reportData: Uint8Array): Uint8Array => hash('gpu-nonce', reportData);
