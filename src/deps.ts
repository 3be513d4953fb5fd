import type { RoutingKeys } from "./access/routing-id.ts";
import type { SealingKeys } from "./access/sealed.ts";
import type { TokenKeys } from "./access/token-keys.ts";
import type { Clock } from "./core/clock.ts";
import type { Logger } from "./core/log.ts";
import type { AppDatabase } from "./db/app-database.ts";
import type { Sql } from "./db/connect.ts";
import type { GateDirectory } from "./gate/protocol.ts";
import type { Mailer } from "./mail/mailer.ts";
import type { Provider } from "./sign-in/provider.ts";
import type { Ingest } from "./telemetry/ingest.ts";

/** Everything that the product takes from outside, put together in one place: `workers/runtime.ts`. */
export interface Deps {
  clock: Clock;
  logger: Logger;
  /** A number in [0, 1), for jitter. */
  random(): number;
  /** Waits so many ms: between attempts, never in a test. */
  pause(ms: number): Promise<void>;
  /** Origin under which the service is reached, without a trailing slash; also the issuer of tokens. */
  publicUrl: string;
  tokenKeys: TokenKeys;
  routingKeys: RoutingKeys;
  /** For what must be read back: providers' client secrets, code verifiers. */
  sealingKeys: SealingKeys;
  /** The deployment's OpenID providers, in the order of their buttons. */
  providers: readonly Provider[];
  /** Who becomes the platform's first owner by signing in with this address, verified; null: nobody. */
  firstOperator: string | null;
  mail: Mailer;
  gates: GateDirectory;
  /** Postgres as `ebb_app`: account verbs. */
  app: AppDatabase;
  /** Postgres as `ebb_ingest`: the straight way of a ping. */
  ingest: Ingest;
  /** Postgres as `ebb_jobs`: partitions, the outbox, health. */
  jobs: Sql;
  /** Postgres as `ebb_purge`. */
  purge: Sql;
}
