// Posts what it is told to in a process of its own, as partners do: node's loop and what sending takes are not those of the server that is measured.
import { postAll } from './post-cdrs.mjs';

process.on('message', async (order) => {
  process.send(
    await postAll(order).then(
      (rate) => ({ rate }),
      (error) => ({ problem: error.message }),
    ),
  );
});
