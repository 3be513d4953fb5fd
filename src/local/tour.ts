import { relative } from "node:path";
import process from "node:process";
import type { LocalJson } from "./local-json.ts";
import { localPaths } from "./paths.ts";

const REGISTRATION =
  '{"scope":"profile:read","grant_types":["client_credentials"],"instance_registration_key":"\'$KEY\'"}';

/**
 * Commands that work when pasted into a shell in the project's folder, in this order. Secrets stand in shell variables,
 * so that none is printed, kept in a file or in a shell's history.
 */
export function tour(local: LocalJson, env: NodeJS.ProcessEnv = process.env): string[] {
  const { url } = local;
  const { localJson } = localPaths(env);
  const near = relative(process.cwd(), localJson);
  const file = near.startsWith("..") ? localJson : near;
  const ebb = `${env["EBB_DATA"] ? `EBB_DATA='${env["EBB_DATA"]}' ` : ""}npm run -s ebb --`;
  // npm's `$(…)` hands on what a command prints; node -p reads one field of it.
  const field = (name: string) => `node -p 'JSON.parse(require("fs").readFileSync(0)).${name}'`;
  const key = "registrationKey" in local ? `$(${field("registrationKey")} < '${file}')` : null;
  return [
    "Try it in another terminal:",
    "",
    ...(key === null
      ? [
          "  # the keys of this database were lost: make new ones",
          `  ${ebb} key create --operator --tenant direct`,
          `  KEY=$(${ebb} registration-key create --name tour --reusable --json | ${field("key")})`,
          "  # register an instance",
        ]
      : ["  # register an instance with the seeded registration key", `  KEY=${key}`]),
    `  CLIENT=$(curl -s ${url}/oauth2/register -H 'content-type: application/json' -d '${REGISTRATION}')`,
    "  # exchange its secret for an access token",
    `  ID=$(echo "$CLIENT" | ${field("client_id")}); SECRET=$(echo "$CLIENT" | ${field("client_secret")})`,
    `  TOKEN=$(curl -s ${url}/oauth2/token -d grant_type=client_credentials -d client_id="$ID" -d client_secret="$SECRET" | ${field("access_token")})`,
    "  # ping: answered 200 once it is durable",
    `  curl -si ${url}/instance/alive -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{"os":{"kind":"linux","name":"Debian","version":"12"}}'; echo`,
    "  # see the row, which the gate hands to the database some seconds later",
    `  sleep 6; ${ebb} pings`,
    `  # all commands: ${ebb} --help; the interface: ${url}/docs`,
  ];
}
