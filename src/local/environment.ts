import { writeDevVars, writeWranglerDevVars } from "./dev-vars.ts";
import { freePort } from "./listening-port.ts";
import { type LocalJson, readLocalJson, writeLocalJson } from "./local-json.ts";
import { takeLock } from "./lock.ts";
import { type Mailbox, startMailbox } from "./mailbox.ts";
import { type NeonEndpoint, startNeonEndpoint } from "./neon-endpoint.ts";
import { type OpenIdProvider, startOpenIdProvider } from "./openid-provider.ts";
import { type LocalPaths, makeDataFolder } from "./paths.ts";
import { LOCAL_OPERATOR } from "./people.ts";
import { type LocalPostgres, startPostgres } from "./postgres.ts";
import { prepareDatabase } from "./prepare.ts";
import { type LocalSecrets, loadLocalSecrets } from "./secrets.ts";
import { seed } from "./seed.ts";
import { workerBindings } from "./worker-bindings.ts";

export interface EnvironmentOptions {
  paths: LocalPaths;
  /** Where the Worker answers, or will. */
  port: number;
  /** Whether to write `.dev.vars` too, for a plain `wrangler dev`. */
  forWrangler: boolean;
  /** Aborted by Ctrl-C, at any moment of the start. */
  signal: AbortSignal;
  /** Hears of slow steps and of anything unusual, a sentence each. */
  say: (line: string) => void;
}

export interface LocalEnvironment {
  url: string;
  postgres: LocalPostgres;
  neon: NeonEndpoint;
  secrets: LocalSecrets;
  provider: OpenIdProvider;
  mailbox: Mailbox;
  /** As written to local.json. */
  local: LocalJson;
  /** Ends sessions, stops PostgreSQL and what stands in for providers and mail, and gives the data folder back. */
  stop(): Promise<void>;
}

const DATABASE = "ebb";

/**
 * Starts the database side: lock, PostgreSQL, Neon endpoint, tables, OpenID provider, mailbox, seed, and the files that tell
 * others. When a step
 * fails or is aborted, the earlier ones are undone before it throws.
 */
export async function startDatabaseSide(options: EnvironmentOptions): Promise<LocalEnvironment> {
  const { paths, signal, say } = options;
  const undo: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step();
  };
  try {
    makeDataFolder(paths.data);
    undo.push(await takeLock(paths.lock));
    const secrets = await loadLocalSecrets(paths);
    const before = await readLocalJson(paths);
    signal.throwIfAborted();

    const postgres = await startPostgres({ dataDir: paths.postgres, logFile: paths.log, signal, say });
    const lastNeonPort = portOf(before?.neonEndpoint);
    const started = startNeonEndpoint({ postgresPort: postgres.port, port: await freePort(lastNeonPort) });
    // Together: the endpoint waits for queries that only end with the server.
    undo.push(async () => {
      const ending = started.then((neon) => neon.stop()).catch(() => undefined);
      await postgres.stop();
      await ending;
    });
    const neon = await started;
    signal.throwIfAborted();

    const addresses = { httpUrl: neon.httpUrl, wsProxy: neon.wsProxy };
    const superuserUrl = postgres.superuserUrl();
    const { urls } = await prepareDatabase({ superuserUrl, neon: addresses, secrets, database: DATABASE });
    signal.throwIfAborted();
    const url = `http://127.0.0.1:${options.port}`;
    // On the same port each time, if it can: people are known by their issuer.
    const provider = await startOpenIdProvider({
      port: await freePort(portOf(before?.issuer) ?? options.port + 1),
      redirectUris: [`${url}/login/callback/local`, `http://localhost:${options.port}/login/callback/local`],
    });
    undo.push(provider.stop);
    const mailbox = await startMailbox({
      folder: paths.mail,
      port: await freePort(portOf(before?.mailbox) ?? options.port + 2),
    });
    undo.push(mailbox.stop);
    signal.throwIfAborted();
    const { issuer } = provider;
    const seeded = await seed({ urls, neon: addresses, secrets, issuer });
    const now = { url, urls, neonEndpoint: neon.httpUrl, issuer, mailbox: mailbox.url };
    const local = await writeLocalJson(paths, now, seeded, before);
    if (!seeded && !before) {
      say(
        `${paths.localJson} was lost and its keys cannot be shown again: make new ones with npm run ebb -- key create --operator --tenant direct.`,
      );
    }

    const vars = workerBindings(urls, secrets, neon, url, {
      OIDC_PROVIDERS: JSON.stringify([provider.binding]),
      FIRST_OPERATOR: LOCAL_OPERATOR,
      MAIL_LOCAL_ENDPOINT: mailbox.endpoint,
    });
    await writeDevVars(paths.devVars, vars);
    if (options.forWrangler && !(await writeWranglerDevVars(vars))) {
      say(`.dev.vars is yours and stays as it is: what the Worker needs is in ${paths.devVars}.`);
    }
    signal.throwIfAborted();
    return { url, postgres, neon, secrets, provider, mailbox, local, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function portOf(url: string | undefined): number | null {
  return Number(URL.parse(url ?? "")?.port) || null;
}
