import { call, postJson, tokenOf } from "../instance.ts";
import {
  ALL_GRANTS,
  answerWith,
  beginLogin,
  consentAs,
  loginOn,
  type OAuthClient,
  patOf,
  REDIRECT_URI,
  registerClient,
} from "../oauth-world.ts";
import { personIn } from "../people.ts";
import { type TestTenant, testTenant } from "../world.ts";
import type { Givens } from "./examples.ts";

/** How an operation is called by whoever may. */
export type CredentialName = "instance" | "user" | "pat" | "none";

export interface ContractWorld {
  tenant: TestTenant;
  client: OAuthClient & { client_secret: string };
  bearer: Readonly<Record<Exclude<CredentialName, "none">, string>>;
  /** Values of the contract's fields and parameters, by their names. */
  givens: Givens;
  /** A voucher's code, new each time. */
  voucherCode(): Promise<string>;
}

/** Rows of the contract's README: which token each route takes where the documents do not say. */
export const CREDENTIALS: Readonly<Record<string, CredentialName>> = {
  "POST /instance/alive": "instance",
  "GET /instance/owner": "instance",
  "GET /instance/workspace": "instance",
  "GET /instance/user/profile": "user",
  "GET /instance/user/session": "user",
  "POST /instance/user/session/revoke": "user",
  "POST /instance/assistant/complete": "user",
  "GET /instance/assistant/models": "user",
  "GET /instance/assistant/usage": "user",
  "GET /releases/latest": "instance",
  "GET /store/packages": "instance",
  // Who calls these authenticates in the body, or not at all.
  "POST /oauth2/device/authorize": "none",
  "POST /oauth2/introspect": "none",
  "POST /oauth2/register": "none",
  "PUT /oauth2/register/{id}": "none",
  "POST /oauth2/token": "none",
  "GET /oauth2/authorize": "none",
};

/** The names that the documents give the same. */
export const SCHEMES: Readonly<Record<string, CredentialName>> = { pat: "pat", access_token: "user" };

const ALL_SCOPES = "profile:read assistant offline billing:write";
const headers = (token: string) => ({ authorization: `Bearer ${token}` });

/** A tenant, its owner with a personal access token, and an instance of it on which the owner has signed in. */
export async function contractWorld(): Promise<ContractWorld> {
  // Vouchers are for the direct customers of the platform that made them.
  const platform = await testTenant({ kind: "platform" });
  const tenant = await testTenant({ plan: "team", parent: platform });
  const person = await personIn(tenant, "owner");
  const pat = await patOf(person);
  const client = (await registerClient(tenant)) as ContractWorld["client"];
  const { access_token: user } = await loginOn(client, pat, { scope: ALL_SCOPES });
  const instance = await tokenOf(client);
  const pending = async () => (await beginLogin(client)).user_code;
  return {
    tenant,
    client,
    bearer: { pat, user, instance },
    voucherCode: async () => {
      const body = { name: "contract", plan: "enterprise" };
      const response = await postJson("/api/v1/vouchers", body, headers(platform.apiKey));
      if (response.status !== 201) throw new Error(`vouchers answered ${response.status}`);
      return (await response.json<{ code: string }>()).code;
    },
    givens: {
      client_id: () => client.client_id,
      client_secret: () => client.client_secret,
      id: () => client.client_id,
      // A text that both separators of the README and both documents allow.
      scope: () => "profile:read,assistant",
      grant_types: () => ALL_GRANTS,
      instance_registration_key: () => tenant.registrationKey,
      device_code: async () => {
        const begun = await beginLogin(client);
        const approved = await answerWith(pat, "approve", begun);
        if (approved.status !== 200) throw new Error(`approve answered ${approved.status}`);
        return begun.device_code;
      },
      refresh_token: async () => (await loginOn(client, pat)).refresh_token,
      code: async () => {
        const query = { response_type: "code", client_id: client.client_id, redirect_uri: REDIRECT_URI };
        return (await consentAs(person, { ...query, scope: "profile:read" })).searchParams.get("code");
      },
      redirect_uri: () => REDIRECT_URI,
      response_type: () => "code",
      user_code: pending,
      token: () => user,
      email: () => `${crypto.randomUUID()}@example.test`,
      workspace_id: () => tenant.workspaceId,
      user_id: async () => (await personIn(tenant, "member")).id,
      invitation_id: async () => {
        const body = { email: `${crypto.randomUUID()}@example.test`, role: "member" };
        const response = await postJson("/api/v1/invitations", body, headers(pat));
        if (response.status !== 201) throw new Error(`invitations answered ${response.status}`);
        return (await response.json<{ id: string }>()).id;
      },
    },
  };
}

/** The request as a client of the contract sends it. */
export async function send(
  method: string,
  path: string,
  parts: {
    params?: Record<string, string>;
    query?: Record<string, string>;
    body?: { type: string; text: string } | undefined;
    bearer?: string | undefined;
  },
): Promise<Response> {
  const { params = {}, query = {}, body, bearer } = parts;
  const target = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
  const search = new URLSearchParams(query).toString();
  return await call(search === "" ? target : `${target}?${search}`, {
    method,
    redirect: "manual",
    headers: {
      ...(bearer === undefined ? {} : headers(bearer)),
      ...(body === undefined ? {} : { "content-type": body.type }),
    },
    ...(body !== undefined && { body: body.text }),
  });
}
