import { run } from "./run.ts";

/** `npm run db`: the database side alone, for a plain `npx wrangler dev` beside it. */
await run({
  needsPort: false,
  forWrangler: true,
  more: () => Promise.resolve([]),
  ready: ({ local }, elapsedMs) => [
    `ready ${local.neonEndpoint} (${elapsedMs} ms)`,
    "",
    "npx wrangler dev --test-scheduled    # in another terminal, serves the Worker on this database",
  ],
});
