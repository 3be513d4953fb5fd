import { expect, it } from "vitest";
import { SCHEDULE, variationText, windowText } from "./schedule.ts";

/**
 * The schedule as it was promised, by hand: class, kept from, window, then, may vary; † for what outlives an account.
 * Where one line of it promises several windows or moments, it is a line for each here.
 */
const PROMISED = `
alive pings, health checks | start of their UTC day | 30 days | delete | no
metrics; errors and performance (sanitised) | start of their UTC day | 90 days | delete | no
user sessions and profile fetches, feature usage | start of their hour | 12 months | delete | no
tool-execution logs | recorded | 12 months | delete | enterprise plan, per tenant: 1 month to 24 months
AI usage (provider, model, tokens, cost; never messages) | recorded | 12 months | delete | no
authentication and security events † | recorded | 12 months | delete | no
website visits | recorded | 26 months | delete; anonymise at 14 months | no
aggregates (active instances by day and version, groups of 10 or more) | day | 26 months | delete | no
customer data (profiles, connections, encrypted credentials) | subscription end | 30 days | delete | no
account information, memberships, instances, their credentials | subscription end, or their own removal | 90 days | delete | no
cancelled account (closed by its owner) | closing | 30 days | delete everything but what the law keeps | no
billing records † | issued | 7 years | delete | no
audit entries, purge receipts † | recorded | 7 years | delete | no
rights requests, holds and their outcome † | closed | 24 months | delete | no
a tenant's own windows | superseded, or subscription end | 24 months | delete | no
device codes, authorization codes, login state | issued | 10 minutes | delete | no
unclaimed instance registrations | registered | 24 hours | delete | no
idempotency records | recorded | 24 hours | delete | no
gate's event ids | recorded | 48 hours | delete | no
invitations, registration keys | expiry or use | 30 days | delete | no
refresh tokens, sessions | issued | 90 days | delete | no
journal rows, gate windows | flushed; window passed | 1 minute | delete | no
dead letters, mail outbox | recorded | 7 days | delete | no
outbox rows | delivered | 7 days | delete | no
backups; point-in-time history of Neon and Durable Objects (outside stores: the notice and receipts say so) | taken | 30 days | gone | whoever runs Ebb: 30 days to 90 days
`;

it("the classes are the schedule's, word for word", () => {
  const lines = Object.values(SCHEDULE).map(
    ({ title, keptFrom, window, action, anonymiseAfter, mayVary, survivesClosing }) =>
      [
        `${title}${survivesClosing ? " †" : ""}`,
        keptFrom,
        windowText(window),
        anonymiseAfter === null ? action : `${action}; anonymise at ${windowText(anonymiseAfter)}`,
        variationText(mayVary),
      ].join(" | "),
  );
  expect(lines).toEqual(PROMISED.trim().split("\n"));
});
