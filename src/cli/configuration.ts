import { relative } from "node:path";
import process from "node:process";
import { useLocalEndpoint } from "../db/connect.ts";
import { type LocalJson, readLocalJson } from "../local/local-json.ts";
import { type LocalPaths, localPaths } from "../local/paths.ts";
import { CommandFailure } from "./failure.ts";

/** Which of the keys in local.json: the platform owner's, or the seeded direct tenant's. */
export const TENANTS = ["operator", "direct"] as const;
export type TenantChoice = (typeof TENANTS)[number];

export type DatabaseRole = "owner" | "purge" | "jobs";

/** A value and where it came from, for the sentence that says why it did not work. */
export interface Setting {
  value: string;
  /** The name of the environment variable, or the path of local.json. */
  from: string;
  local: boolean;
}

/** The variables that name something else than what runs on this machine. */
export const VARIABLES = {
  EBB_URL: "origin of the service, in place of the local one",
  EBB_API_KEY: "API key for that service",
  EBB_DATABASE_URL_PURGE: "connection string of ebb_purge, for purge",
  EBB_DATABASE_URL_JOBS: "connection string of ebb_jobs, for partitions",
  EBB_DATABASE_URL_OWNER: "connection string of the database's owner, for key create --operator",
  EBB_ROUTING_HMAC_KEYS: "what the secret ROUTING_HMAC_KEYS holds, for key create --operator",
  EBB_DATA: "folder of the local side, .ebb when not set",
} as const;

/** Where the service and its database are: what the environment says, else what local.json says. */
export class Configuration {
  readonly env: NodeJS.ProcessEnv;
  readonly paths: LocalPaths;
  readonly local: LocalJson | null;

  private constructor(env: NodeJS.ProcessEnv, paths: LocalPaths, local: LocalJson | null) {
    this.env = env;
    this.paths = paths;
    this.local = local;
  }

  /** Throws a StartFailure for an EBB_DATA that is no path. */
  static async read(env: NodeJS.ProcessEnv): Promise<Configuration> {
    const paths = localPaths(env);
    return new Configuration(env, paths, await readLocalJson(paths));
  }

  url(): Setting {
    const setting = this.#either("EBB_URL", (local) => local.url);
    const url = URL.parse(setting.value);
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw new CommandFailure(`${setting.from} does not hold the URL of a service, such as https://ebb.example.`);
    }
    return { ...setting, value: url.origin };
  }

  /** The key for that service. Of the local ones, the one chosen. */
  apiKey(choice: TenantChoice): Setting {
    return this.#either("EBB_API_KEY", (local) => local[choice === "operator" ? "operatorKey" : "apiKey"], choice);
  }

  /** A connection string; the driver is told of the local endpoint where it needs it. */
  database(role: DatabaseRole): Setting {
    const setting = this.#either(`EBB_DATABASE_URL_${role.toUpperCase()}`, (local) => local.databaseUrls[role]);
    if (!/^postgres(ql)?:\/\/[^/]/.test(setting.value)) {
      throw new CommandFailure(
        `${setting.from} does not hold a connection string, such as postgresql://role:password@host/ebb.`,
      );
    }
    const endpoint = this.env["NEON_LOCAL_ENDPOINT"] ?? (setting.local ? this.local?.neonEndpoint : undefined);
    if (endpoint !== undefined) useLocalEndpoint(endpoint);
    return setting;
  }

  /** local.json as a person would name it from here. */
  get localJson(): string {
    const near = relative(process.cwd(), this.paths.localJson);
    return near.startsWith("..") ? this.paths.localJson : near;
  }

  #either(variable: string, pick: (local: LocalJson) => unknown, choice: TenantChoice = "direct"): Setting {
    const given = this.env[variable]?.trim();
    if (given) return { value: given, from: variable, local: false };
    if (this.local === null) {
      throw new CommandFailure(
        `There is no readable ${this.localJson}: start npm run dev first, or set ${variable} for a service elsewhere.`,
      );
    }
    const value = pick(this.local);
    if (typeof value === "string") return { value, from: this.localJson, local: true };
    throw new CommandFailure(
      `${this.localJson} holds no such key any more: make one with npm run ebb -- key create --operator --tenant ${choice}.`,
    );
  }
}
