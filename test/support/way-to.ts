import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The way to a server, which can be shut: then what is under way is cut, and nobody comes through. Silent, it lets them in and answers nothing. */
export async function wayTo(url: string) {
  const target = new URL(url);
  const open = new Set<Socket>();
  let isShut = false;
  let isSilent = false;
  const server = createServer((socket) => {
    if (isSilent) {
      open.add(socket.on('error', () => undefined));
      return;
    }
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
  const cut = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: here.href,
    shut() {
      isShut = true;
      cut();
    },
    silence() {
      isSilent = true;
      cut();
    },
    reopen() {
      isShut = false;
      isSilent = false;
      cut();
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
