/** One program's certificate and key, and the authority whose certificates it accepts; each PEM text. */
export interface TlsMaterial {
  readonly certificate: string;
  readonly privateKey: string;
  readonly authority: string;
}

/** TLS 1.3 only (RFC 8446): its AEAD suites, without AES-128-CCM. */
export const TLS_1_3 = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256',
} as const;
