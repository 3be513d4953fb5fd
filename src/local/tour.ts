import { relative } from "node:path";
import type { LocalJson } from "./local-json.ts";
import { localPaths } from "./paths.ts";

/**
 * Commands that work when pasted into a shell in the project's folder, in this order. Secrets are read from local.json,
 * so that none is printed or kept in a shell's history.
 */
export function tour({ url }: LocalJson): string[] {
  const file = relative(process.cwd(), localPaths().localJson) || localPaths().localJson;
  const field = (name: string, from: string) => `node -p 'JSON.parse(require("fs").readFileSync("${from}")).${name}'`;
  return [
    "Try it in another terminal:",
    "",
    "  # register an instance with the seeded registration key",
    `  curl -s ${url}/oauth2/register -H 'content-type: application/json' -d "{\\"scope\\":\\"profile:read\\",\\"grant_types\\":[\\"client_credentials\\"],\\"instance_registration_key\\":\\"$(${field("registrationKey", file)})\\"}" | tee client.json; echo`,
    "  # exchange its secret for an access token",
    `  TOKEN=$(curl -s ${url}/oauth2/token -d grant_type=client_credentials -d client_id=$(${field("client_id", "client.json")}) -d client_secret=$(${field("client_secret", "client.json")}) | node -p 'JSON.parse(require("fs").readFileSync(0)).access_token')`,
    "  # ping",
    `  curl -si ${url}/instance/alive -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{"os":{"kind":"linux","name":"Debian","version":"12"}}'; echo`,
    "  # see the row, some seconds later",
    "  npm run ebb -- pings",
    `  # the interface: ${url}/docs`,
  ];
}
