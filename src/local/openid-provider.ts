import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { exportJWK, generateKeyPair } from "jose";
import Provider, { type Context, interactionPolicy } from "oidc-provider";
import { html } from "../http/pages/markup.ts";
import { listen, stopListening } from "./loopback-server.ts";
import { openIdStore } from "./openid-store.ts";
import { LOCAL_PEOPLE, type LocalPerson } from "./people.ts";
import { STAND_IN_HEADERS, standInPage } from "./stand-in-page.ts";

export interface OpenIdProviderOptions {
  /** Chosen by the operating system when left out. */
  port?: number;
  /** Where browsers may be sent back to. */
  redirectUris: readonly string[];
  people?: readonly LocalPerson[];
}

export interface OpenIdProvider {
  issuer: string;
  port: number;
  /** As OIDC_PROVIDERS names it. */
  binding: { id: string; name: string; issuer: string; client_id: string; client_secret: string; trusts_email: true };
  stop(): Promise<void>;
}

const CLIENT_ID = "ebb";
const NO_PERSON = { error: "access_denied", error_description: "Nobody was chosen." };

/**
 * A certified OpenID provider (npm `oidc-provider`) on the loopback address, in which nobody has a password: its page lets
 * the browser be whom it wants. Keys, codes and the client's secret live in memory and end with it.
 */
export async function startOpenIdProvider(options: OpenIdProviderOptions): Promise<OpenIdProvider> {
  const { people = LOCAL_PEOPLE, redirectUris } = options;
  const clientSecret = randomBytes(32).toString("base64url");
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), alg: "RS256", use: "sig" };
  let handle: (request: IncomingMessage, response: ServerResponse) => Promise<void> = async () => undefined;
  const server: Server = createServer((request, response) => {
    handle(request, response).catch(() => {
      // As when a page of before a restart is sent: its sign-in is forgotten.
      if (!response.headersSent) response.writeHead(400, STAND_IN_HEADERS);
      response.end(standInPage("Please begin again", html`<p>This sign-in is not known here.</p>`));
    });
  });
  const port = await listen(server, options.port);
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    adapter: openIdStore(),
    clients: [
      {
        client_id: CLIENT_ID,
        client_secret: clientSecret,
        redirect_uris: redirectUris,
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    jwks: { keys: [jwk] },
    cookies: { keys: [randomBytes(32).toString("base64url")] },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    interactions: { url: (_: Context, { uid }: { uid: string }) => `/interaction/${uid}`, policy: alwaysAsking() },
    findAccount: (_: Context, id: string) => accountOf(people, id),
    // Whoever chose to be somebody has agreed: there is no second page.
    loadExistingGrant: async ({ oidc }: Context) => {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client?.clientId ?? "",
        accountId: oidc.session?.accountId ?? "",
      });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  });
  const callback = provider.callback();
  handle = async (request, response) => {
    if (request.url?.startsWith("/interaction/")) await choose(provider, people, request, response);
    else await callback(request, response);
  };
  const binding = {
    id: "local",
    name: "the local provider",
    issuer,
    client_id: CLIENT_ID,
    client_secret: clientSecret,
    trusts_email: true,
  } as const;
  return { issuer, port, binding, stop: () => stopListening(server) };
}

/** Also who has just been here is asked again: a developer is several people in a minute. */
function alwaysAsking() {
  const { base, Check } = interactionPolicy;
  const policy = base();
  policy
    .get("login")
    .checks.add(
      new Check("choose", "somebody must be chosen", ({ oidc }) =>
        oidc.result?.login === undefined ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT,
      ),
    );
  return policy;
}

function accountOf(people: readonly LocalPerson[], id: string) {
  const person = people.find(({ subject }) => subject === id);
  if (person === undefined) return undefined;
  const { subject, email, emailVerified, name } = person;
  return { accountId: subject, claims: async () => ({ sub: subject, email, email_verified: emailVerified, name }) };
}

async function choose(
  provider: Provider,
  people: readonly LocalPerson[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { uid } = await provider.interactionDetails(request, response);
  if (request.method === "POST") {
    const chosen = new URLSearchParams(await text(request)).get("person");
    const known = people.some(({ subject }) => subject === chosen);
    await provider.interactionFinished(request, response, known ? { login: { accountId: chosen } } : NO_PERSON);
    return;
  }
  const rows = people.map(
    ({ subject, name, email, emailVerified, what }) => html`<li class="row"><div><strong>${name}</strong> ${email}${
      !emailVerified && html` <span class="tag">not verified</span>`
    }<br><span class="soft small">${what}</span></div>
<form method="post" action="/interaction/${uid}"><input type="hidden" name="person" value="${subject}"><button class="quiet">Be ${name}</button></form></li>
`,
  );
  response.writeHead(200, STAND_IN_HEADERS);
  response.end(
    standInPage(
      "Who are you?",
      html`<p class="soft">The OpenID provider of this machine. It has no passwords, and production refuses to start with it.</p>
<section><ul class="rows">${rows}</ul></section>
<form method="post" action="/interaction/${uid}"><button class="quiet">Nobody: go back</button></form>`,
    ),
  );
}
