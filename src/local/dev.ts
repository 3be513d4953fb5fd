import { startCron } from "./cron.ts";
import { print } from "./print.ts";
import { run } from "./run.ts";
import { tour } from "./tour.ts";
import { startWorker } from "./worker.ts";

/** `npm run dev`: the database side and the Worker. */
await run({
  needsPort: true,
  forWrangler: false,
  more: async ({ paths, port, signal }) => {
    const worker = await startWorker({ paths, port, signal, say: print });
    const cron = startCron(worker.url, print);
    return [
      { name: "The Worker", ...worker },
      { name: "The cron", exited: worker.exited, ...cron },
    ];
  },
  ready: ({ url, local, provider, mailbox }, elapsedMs) => [
    `ready ${url} (${elapsedMs} ms)`,
    `sign in ${url}/login (OpenID provider ${provider.issuer}); mail ${mailbox.url}`,
    "",
    ...tour(local),
  ],
});
