import { CloudError, PATApprover } from "@caido/server-auth";
import { expect, test } from "vitest";
import { call, ORIGIN, ping, postForm, postJson, tokenOf } from "../src/testing/instance.ts";
import { oauthScene, revokePats, sees } from "../src/testing/oauth-scene.ts";
import {
  beginLogin,
  type OAuthClient,
  type Pending,
  poll,
  refreshWith,
  type Tokens,
} from "../src/testing/oauth-world.ts";

/** Their client, as they publish it, with our address. */
const approver = (pat: string, allowedScopes?: string[]) =>
  new PATApprover({
    pat,
    apiUrl: `${ORIGIN}/`,
    fetch: (input, init) => call(new URL(input as URL).href.slice(ORIGIN.length), init as RequestInit),
    ...(allowedScopes === undefined ? {} : { allowedScopes }),
  });
const asTheyAsk = ({ user_code, verification_uri_complete }: Pending) => ({
  id: "1",
  userCode: user_code,
  verificationUrl: verification_uri_complete,
  expiresAt: new Date(Date.now() + 600_000),
});

/** A client that registers with the contract's own fields and nothing else. */
async function contractClient(registrationKey: string): Promise<OAuthClient> {
  const response = await postJson("/oauth2/register", {
    scope: "profile:read assistant offline",
    grant_types: ["client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
    instance_registration_key: registrationKey,
  });
  expect(response.status).toBe(201);
  return await response.json<OAuthClient>();
}

async function scene() {
  const { tenant, person, pat } = await oauthScene();
  return { tenant, person, pat, client: await contractClient(tenant.registrationKey) };
}

const thrown = async (asked: Promise<unknown>): Promise<CloudError> => {
  const error = await asked.then(
    () => null,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(CloudError);
  return error as CloudError;
};

test("their approver approves a device login from end to end", async () => {
  const { client, pat } = await scene();
  const pending = await beginLogin(client, "profile:read assistant offline");
  expect((await poll(client, pending)).status).toBe(400);
  await approver(pat).approve(asTheyAsk(pending));
  const response = await poll(client, pending);
  expect(response.status).toBe(200);
  const tokens = await response.json<Tokens>();
  expect(tokens.scope).toBe("profile:read assistant offline");
  expect(await sees(tokens.access_token)).toEqual([200, null]);
  expect(await sees(tokens.access_token, "/instance/user/profile")).toEqual([200, null]);
  expect((await refreshWith(client, tokens.refresh_token as string)).status).toBe(200);
  expect((await ping(await tokenOf(client as Required<OAuthClient>))).status).toBe(200);
});

test("their allowedScopes narrow what is granted, and cannot widen it", async () => {
  const { client, pat } = await scene();
  const granted = async (allowed: string[]) => {
    const pending = await beginLogin(client, "profile:read assistant");
    await approver(pat, allowed).approve(asTheyAsk(pending));
    return (await (await poll(client, pending)).json<Tokens>()).scope;
  };
  expect(await granted(["profile:read"])).toBe("profile:read");
  expect(await granted(["profile:read", "assistant", "offline", "billing:write"])).toBe("profile:read assistant");
});

test("an unknown code, an answered one and a revoked token are errors that say what we say", async () => {
  const { client, person, pat } = await scene();
  const pending = await beginLogin(client);
  const said = async (token: string, user_code: string) => {
    const query = new URLSearchParams({ user_code });
    const response = await call(`/oauth2/device/information?${query}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const { error, error_description } = await response.json<{ error: string; error_description: string }>();
    return { statusCode: response.status, code: error, reason: error_description };
  };
  const unknown = await thrown(approver(pat).approve({ ...asTheyAsk(pending), userCode: "BBBB-BBBB" }));
  const ours = await said(pat, "BBBB-BBBB");
  expect(unknown).toMatchObject(ours);
  expect(unknown.message).toContain(ours.reason);
  expect(ours.statusCode).toBe(404);

  await approver(pat).approve(asTheyAsk(pending));
  const twice = await thrown(approver(pat).approve(asTheyAsk(pending)));
  expect([409, 404]).toContain(twice.statusCode);
  expect(twice.reason).toBeDefined();

  await revokePats(person);
  const late = await beginLogin(client);
  const refused = await thrown(approver(pat).approve(asTheyAsk(late)));
  expect(refused).toMatchObject(await said(pat, late.user_code));
  expect(refused).toMatchObject({ statusCode: 401, code: "invalid_token", reason: "This key was revoked." });
  expect((await poll(client, late)).status).toBe(400);
  const form = { client_id: client.client_id, client_secret: client.client_secret as string };
  expect((await postForm("/oauth2/token", { ...form, grant_type: "client_credentials" })).status).toBe(200);
});
