import { checkServerIdentity, createSecureContext, type PeerCertificate } from 'node:tls';
import { credentials, type ChannelCredentials } from '@grpc/grpc-js';
import { identityFromSubjectAltName, identityUri, type PeerIdentity } from './peer-identity.ts';
import { endOnFault } from './tls-fault.ts';
import { TLS_1_3, type TlsMaterial } from './tls-material.ts';

/** TLS 1.3, our certificate shown, and a server that is who we meant to call, not just anybody of this consortium. */
export function clientCredentials(tls: TlsMaterial, expect: PeerIdentity): ChannelCredentials {
  const context = createSecureContext({
    ...TLS_1_3,
    cert: tls.certificate,
    key: tls.privateKey,
    ca: tls.authority,
  });
  const created = credentials.createFromSecureContext(context, {
    rejectUnauthorized: true,
    checkServerIdentity: (serverName: string, certificate: PeerCertificate) =>
      checkServerIdentity(serverName, certificate) ?? identityFault(certificate, expect),
  });
  return endingOnFault(created);
}

/** The only way to the sockets that gRPC makes from these credentials. */
function endingOnFault(made: ChannelCredentials): ChannelCredentials {
  const connectorOf = made._createSecureConnector.bind(made);
  made._createSecureConnector = (...given) => {
    const connector = connectorOf(...given);
    const connect = connector.connect.bind(connector);
    connector.connect = async (socket) => {
      const connected = await connect(socket);
      endOnFault(connected.socket);
      return connected;
    };
    return connector;
  };
  return made;
}

function identityFault(certificate: PeerCertificate, expect: PeerIdentity): Error | undefined {
  const identity = identityFromSubjectAltName(certificate.subjectaltname);
  if (identity?.role === expect.role && identity.id === expect.id) return undefined;
  return new Error(`certificate is not that of ${identityUri(expect)}`);
}
