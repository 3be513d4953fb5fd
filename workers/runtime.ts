import { loadRoutingKeys } from "../src/access/routing-id.ts";
import { loadSealingKeys } from "../src/access/sealed.ts";
import { loadTokenKeys } from "../src/access/token-keys.ts";
import { systemClock } from "../src/core/clock.ts";
import { jsonLogger, type Logger } from "../src/core/log.ts";
import { AppDatabase } from "../src/db/app-database.ts";
import { httpSql, useLocalEndpoint } from "../src/db/connect.ts";
import type { Deps } from "../src/deps.ts";
import { cloudflareMailer, localMailer, type Mailer, noMailer } from "../src/mail/mailer.ts";
import { isLoopback } from "../src/sign-in/origin.ts";
import { loadProviders } from "../src/sign-in/provider.ts";
import { refuseStandIns } from "../src/sign-in/stand-ins.ts";
import type { Ingest } from "../src/telemetry/ingest.ts";
import { postgresIngest } from "../src/telemetry/postgres-ingest.ts";
import type { Env } from "./bindings.ts";
import { gateDirectory } from "./gate-directory.ts";

/** Workers Logs indexes one JSON object a line; the level decides where it is shown. */
export const consoleLogger: Logger = jsonLogger((level, line) => {
  // biome-ignore lint/suspicious/noConsole: the console is how a Worker logs
  console[level](line);
});

/**
 * The composition root: the whole product, made of what this deployment binds. Throws when a secret is malformed, and when
 * a deployment is bound to what stands in for a provider or for mail on a developer's machine.
 */
export async function createDeps(env: Env): Promise<Deps> {
  if (env.NEON_LOCAL_ENDPOINT) useLocalEndpoint(env.NEON_LOCAL_ENDPOINT);
  const publicUrl = env.PUBLIC_URL.replace(/\/+$/, "");
  // Any URL first, so that the stand-in is refused by its name, and then as production has it.
  const providers = loadProviders(env.OIDC_PROVIDERS, true);
  refuseStandIns({
    publicUrl,
    issuers: providers.map(({ issuer }) => issuer),
    mailEndpoint: env.MAIL_LOCAL_ENDPOINT,
  });
  return {
    clock: systemClock,
    logger: consoleLogger,
    random: Math.random,
    pause: (ms) => new Promise((done) => setTimeout(done, ms)),
    publicUrl,
    tokenKeys: await loadTokenKeys(env.TOKEN_SIGNING_KEYS),
    routingKeys: await loadRoutingKeys(env.ROUTING_HMAC_KEYS),
    sealingKeys: await loadSealingKeys(env.SEALING_KEYS),
    providers: loadProviders(env.OIDC_PROVIDERS, isLoopback(publicUrl)),
    firstOperator: env.FIRST_OPERATOR || null,
    mail: mailerOf(env),
    gates: gateDirectory(env),
    app: new AppDatabase(env.DATABASE_URL_APP),
    ingest: ingestOf(env),
    jobs: httpSql(env.DATABASE_URL_JOBS),
    purge: httpSql(env.DATABASE_URL_PURGE),
  };
}

function mailerOf({ MAIL_LOCAL_ENDPOINT, EMAIL, MAIL_FROM }: Env): Mailer {
  if (MAIL_LOCAL_ENDPOINT) return localMailer(MAIL_LOCAL_ENDPOINT);
  return EMAIL && MAIL_FROM ? cloudflareMailer(EMAIL, MAIL_FROM) : noMailer;
}

/** What a gate needs of Postgres: a role that inserts events and no more. */
export function ingestOf(env: Env): Ingest {
  if (env.NEON_LOCAL_ENDPOINT) useLocalEndpoint(env.NEON_LOCAL_ENDPOINT);
  return postgresIngest(httpSql(env.DATABASE_URL_INGEST), systemClock);
}
