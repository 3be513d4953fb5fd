import * as oauth from "oauth4webapi";
import { expect, test } from "vitest";
import { call, ORIGIN } from "../src/testing/instance.ts";
import { answered, oauthScene, sees } from "../src/testing/oauth-scene.ts";
import { ALL_GRANTS, answerWith, consentAs, patOf, REDIRECT_URI } from "../src/testing/oauth-world.ts";
import { personIn } from "../src/testing/people.ts";
import { testTenant } from "../src/testing/world.ts";

/** A client library that knows nothing of us, against the running Worker. */
const options = {
  [oauth.customFetch]: (url: string, { body, headers, method, redirect }: oauth.CustomFetchOptions<string, unknown>) =>
    call(url.slice(ORIGIN.length), { body: body as BodyInit, headers, method, redirect }),
};

async function discovered(): Promise<oauth.AuthorizationServer> {
  const response = await oauth.discoveryRequest(new URL(ORIGIN), { algorithm: "oauth2", ...options });
  return await oauth.processDiscoveryResponse(new URL(ORIGIN), response);
}

async function registered(server: oauth.AuthorizationServer, more: Record<string, unknown> = {}) {
  const metadata = {
    scope: "profile:read assistant",
    grant_types: ALL_GRANTS,
    redirect_uris: [REDIRECT_URI],
    client_name: "build-7",
    ...more,
  } as Partial<oauth.Client>;
  const response = await oauth.dynamicClientRegistrationRequest(server, metadata, options);
  return await oauth.processDynamicClientRegistrationResponse(response);
}

const secretOf = (client: oauth.Client) => oauth.ClientSecretPost(client["client_secret"] as string);

async function refusal(asked: Promise<unknown>): Promise<[number, string]> {
  const error = await asked.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(oauth.ResponseBodyError);
  const { status, error: code } = error as oauth.ResponseBodyError;
  return [status, code];
}

test("discovery finds what we offer, and a server that says it is another is refused", async () => {
  const server = await discovered();
  expect(server.issuer).toBe(ORIGIN);
  const response = await oauth.discoveryRequest(new URL(ORIGIN), { algorithm: "oauth2", ...options });
  await expect(oauth.processDiscoveryResponse(new URL("https://other.test"), response)).rejects.toThrow(/issuer/);
});

test("an unclaimed client registers, is claimed by its first device login, refreshes, asks and gives back", async () => {
  const server = await discovered();
  const client = await registered(server);
  const auth = secretOf(client);
  const tenant = await testTenant();
  const pat = await patOf(await personIn(tenant, "owner"), null, tenant.workspaceId);

  const begun = await oauth.deviceAuthorizationRequest(server, client, auth, { scope: "profile:read" }, options);
  const pending = await oauth.processDeviceAuthorizationResponse(server, client, begun);
  expect(pending).toMatchObject({ verification_uri: `${ORIGIN}/device`, expires_in: 600, interval: 5 });
  const redeem = async () => {
    const response = await oauth.deviceCodeGrantRequest(server, client, auth, pending.device_code, options);
    return await oauth.processDeviceCodeResponse(server, client, response);
  };
  expect(await refusal(redeem())).toEqual([400, "authorization_pending"]);
  expect(await refusal(redeem())).toEqual([400, "slow_down"]);
  const claim = { claim_code: client["claim_code"] as string };
  expect((await answerWith(pat, "approve", pending, claim)).status).toBe(200);
  const tokens = await redeem();
  expect([tokens.token_type, tokens.scope]).toEqual(["bearer", "profile:read"]);
  expect(await refusal(redeem())).toEqual([400, "invalid_grant"]);
  expect(await sees(tokens.access_token)).toEqual([200, null]);

  const renew = async (token: string) => {
    const response = await oauth.refreshTokenGrantRequest(server, client, auth, token, options);
    return await oauth.processRefreshTokenResponse(server, client, response);
  };
  const renewed = await renew(tokens.refresh_token as string);
  expect(renewed.refresh_token).not.toBe(tokens.refresh_token);

  const meaning = async (token: string) => {
    const response = await oauth.introspectionRequest(server, client, auth, token, options);
    return await oauth.processIntrospectionResponse(server, client, response);
  };
  expect(await meaning(renewed.access_token)).toMatchObject({ active: true, client_id: client.client_id, iss: ORIGIN });
  for (let i = 0; i < 2; i++) {
    const gone = await oauth.revocationRequest(server, client, auth, renewed.refresh_token as string, options);
    expect(await oauth.processRevocationResponse(gone)).toBeUndefined();
  }
  expect(await meaning(renewed.access_token)).toEqual({ active: false });
  expect(await refusal(renew(renewed.refresh_token as string))).toEqual([400, "invalid_grant"]);

  const own = await oauth.clientCredentialsGrantRequest(server, client, auth, {}, options);
  const { access_token } = await oauth.processClientCredentialsResponse(server, client, own);
  expect(await sees(access_token, "/instance/workspace")).toEqual([200, null]);
});

test("what a resource server verifies with the published keys is an access token of RFC 9068", async () => {
  const server = await discovered();
  const { tenant } = await oauthScene();
  const client = await registered(server, { instance_registration_key: tenant.registrationKey });
  const own = await oauth.clientCredentialsGrantRequest(server, client, secretOf(client), {}, options);
  const { access_token } = await oauth.processClientCredentialsResponse(server, client, own);
  const request = new Request(`${ORIGIN}/instance/alive`, { headers: { authorization: `Bearer ${access_token}` } });
  const claims = await oauth.validateJwtAccessToken(server, request, ORIGIN, options);
  expect(claims).toMatchObject({ iss: ORIGIN, client_id: client.client_id });
});

test.each(["none", "client_secret_post", "client_secret_basic"])(
  "a code with PKCE, by a client of %s",
  async (method) => {
    const server = await discovered();
    const { tenant, person } = await oauthScene();
    const client = await registered(server, {
      instance_registration_key: tenant.registrationKey,
      token_endpoint_auth_method: method,
    });
    const secret = client["client_secret"] as string;
    const auths: Record<string, () => oauth.ClientAuth> = {
      none: oauth.None,
      client_secret_post: () => oauth.ClientSecretPost(secret),
      client_secret_basic: () => oauth.ClientSecretBasic(secret),
    };
    const auth = auths[method]?.() as oauth.ClientAuth;
    const [verifier, state] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState()];
    const back = await consentAs(person, {
      response_type: "code",
      client_id: client.client_id,
      redirect_uri: REDIRECT_URI,
      scope: "profile:read",
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
    });
    const params = oauth.validateAuthResponse(server, client, back, state);
    const exchange = async () => {
      const response = await oauth.authorizationCodeGrantRequest(
        server,
        client,
        auth,
        params,
        REDIRECT_URI,
        verifier,
        options,
      );
      return await oauth.processAuthorizationCodeResponse(server, client, response);
    };
    const tokens = await exchange();
    expect(await sees(tokens.access_token)).toEqual([200, null]);
    expect(await refusal(exchange())).toEqual([400, "invalid_grant"]);
    expect(await sees(tokens.access_token)).toEqual([401, "sign-in-ended"]);
  },
);

test("a denial reaches the client as one; an answer of another issuer, of none, or for another state is refused", async () => {
  const server = await discovered();
  const { client: registration, person } = await oauthScene();
  const client: oauth.Client = { ...registration };
  const query = { response_type: "code", client_id: client.client_id, redirect_uri: REDIRECT_URI, state: "s" };
  const denied = await consentAs(person, query, "deny");
  expect(() => oauth.validateAuthResponse(server, client, denied, "s")).toThrow(oauth.AuthorizationResponseError);
  const approved = await consentAs(person, query);
  expect(oauth.validateAuthResponse(server, client, approved, "s").get("code")).toMatch(/^ebba_/);
  expect(() => oauth.validateAuthResponse(server, client, approved, "another")).toThrow(/state/);
  const mixedUp = new URL(approved);
  mixedUp.searchParams.set("iss", "https://other.test");
  expect(() => oauth.validateAuthResponse(server, client, mixedUp, "s")).toThrow(/iss/);
  mixedUp.searchParams.delete("iss");
  expect(() => oauth.validateAuthResponse(server, client, mixedUp, "s")).toThrow(/iss/);
  // The same answer shown to a client that takes us for another server.
  const other = { ...server, issuer: "https://other.test" };
  expect(() => oauth.validateAuthResponse(other, client, approved, "s")).toThrow(/iss/);
  expect(await answered(await call("/oauth2/token", { method: "POST" }))).toEqual([400, "invalid_request"]);
});
