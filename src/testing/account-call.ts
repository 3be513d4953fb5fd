import { call } from "./instance.ts";
import { sessionHeaders, type TestPerson } from "./people.ts";

/** A person by a session, whoever has a key or token, or a bare bearer token. */
export type AccountCaller = TestPerson | { apiKey: string } | string;

export interface AccountAnswer {
  status: number;
  text: string;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the API says
  body: any;
}

/** Asks the account API as this caller. */
export async function askAs(
  caller: AccountCaller,
  method: string,
  path: string,
  body?: unknown,
  more: Record<string, string> = {},
): Promise<AccountAnswer> {
  const proof =
    typeof caller === "string" || "apiKey" in caller
      ? { authorization: `Bearer ${typeof caller === "string" ? caller : caller.apiKey}` }
      : await sessionHeaders(caller, method);
  const headers = { ...proof, "content-type": "application/json", ...more };
  const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await call(`/api/v1/${path}`, init);
  const text = await response.text();
  return { status: response.status, text, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
}

/** The status of an answer, and the name of its problem. */
export function said({ status, body }: AccountAnswer): [status: number, problem: string | undefined] {
  return [status, body?.error];
}
