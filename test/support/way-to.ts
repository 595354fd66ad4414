import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The way to a server, which can be shut: then what is under way is cut, and nobody comes through. */
export async function wayTo(url: string) {
  const target = new URL(url);
  const open = new Set<Socket>();
  let isShut = false;
  const server = createServer((socket) => {
    if (isShut) {
      socket.destroy();
      return;
    }
    const behind = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [socket, behind],
      [behind, socket],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one
        .on('error', () => undefined)
        .on('close', () => {
          open.delete(one);
          other.destroy();
        });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const here = new URL(url);
  here.port = String((server.address() as AddressInfo).port);
  return {
    url: here.href,
    shut() {
      isShut = true;
      for (const socket of open) socket.destroy();
    },
    reopen() {
      isShut = false;
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
