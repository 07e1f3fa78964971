import type { Socket } from 'node:net';

/**
 * A TLS socket that meets an altered record, or an alert that speaks of one, stays open in Node, and the HTTP/2 session
 * above it is destroyed without ever closing: gRPC would go on using it, for ever in vain. So the socket is ended here.
 */
export function endOnFault(socket: Socket): void {
  socket.on('error', () => {
    socket.destroy();
  });
}
