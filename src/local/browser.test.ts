import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Client, SignInCode } from "../client/index.ts";
import { DEVICE_CODE_GRANT } from "../oauth/client-metadata.ts";
import { buildClient } from "../testing/built-client.ts";
import { type DevServer, startDevServer } from "../testing/dev-server.ts";
import { photograph, stumblingBlocks, tabTo } from "../testing/page-checks.ts";
import { listen, stopListening } from "./loopback-server.ts";

/**
 * A person in a real browser, who has no mouse: signs in with the local OpenID provider, claims an instance, approves and
 * denies sign-ins on it, and comes back to a program on their machine. EBB_SCREENSHOTS names a folder for pictures.
 */

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

let dev: DevServer;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the browser complained of: a style that the policy forbids, a form that may not be sent. */
let complaints: string[];

type Json = Record<string, string & number>;

async function post(path: string, body: Record<string, unknown> | URLSearchParams): Promise<Json> {
  const response =
    body instanceof URLSearchParams
      ? await fetch(dev.url + path, { method: "POST", body })
      : await fetch(dev.url + path, {
          method: "POST",
          body: JSON.stringify(body),
          headers: { "content-type": "application/json" },
        });
  return (await response.json()) as Json;
}

const form = (path: string, fields: Record<string, string>) => post(path, new URLSearchParams(fields));

const proof = ({ client_id, client_secret }: Json) => ({
  client_id: `${client_id}`,
  client_secret: `${client_secret}`,
});

/** As a device does (RFC 8628 section 3.5): asks at the interval until there is an answer. */
async function waitForTokens(client: Json, { device_code, interval }: Json): Promise<Json> {
  for (;;) {
    const fields = { ...proof(client), grant_type: DEVICE_CODE_GRANT, device_code: `${device_code}` };
    const answer = await form("/oauth2/token", fields);
    if (answer["error"] !== "authorization_pending") return answer;
    await delay(Number(interval) * 1_000);
  }
}

/** Looks at the page in front of us, with every check there is. */
async function look(name: string): Promise<void> {
  expect([name, await stumblingBlocks(page)]).toEqual([name, []]);
  await photograph(page, name);
}

async function press(role: "button" | "link", name: string | RegExp): Promise<void> {
  const target = page.getByRole(role, { name });
  await tabTo(page, target);
  await Promise.all([page.waitForEvent("domcontentloaded"), page.keyboard.press("Enter")]);
}

async function tick(name: string | RegExp): Promise<void> {
  await tabTo(page, page.getByRole("checkbox", { name }));
  await page.keyboard.press("Space");
}

async function type(label: string | RegExp, text: string): Promise<void> {
  await tabTo(page, page.getByLabel(label));
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type(text);
}

/** From our sign-in page through the local provider's, and back to where we were going. */
async function signInAsAda(): Promise<void> {
  await press("link", "Sign in with the local provider");
  await press("button", "Be Ada");
}

const heading = () => page.getByRole("heading", { level: 1 }).textContent();

describe.skipIf(!existsSync(CHROMIUM))(
  "a real browser (skipped without /usr/bin/chromium: CHROMIUM names another)",
  () => {
    beforeAll(async () => {
      // Chromium keeps its sandbox from root, who runs tests in containers.
      const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
      [dev, browser] = await Promise.all([startDevServer(), chromium.launch({ executablePath: CHROMIUM, args })]);
    });
    afterAll(async () => {
      await browser?.close();
      await dev?.stop();
    });
    beforeEach(async () => {
      complaints = [];
      context = await browser.newContext();
      page = await context.newPage();
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    });
    afterEach(() => context?.close());

    test("somebody claims an instance by approving its first sign-in, and turns down a second", async () => {
      const client = await post("/oauth2/register", {
        client_name: "Workbench",
        scope: "profile:read assistant offline billing:write",
        grant_types: [DEVICE_CODE_GRANT, "refresh_token"],
      });
      const begun = await form("/oauth2/device/authorize", {
        ...proof(client),
        scope: "profile:read assistant offline",
      });
      const tokens = waitForTokens(client, begun);

      await page.goto(`${begun["verification_uri_complete"]}`);
      await look("login");
      await signInAsAda();
      expect(await page.getByLabel("Code").inputValue()).toBe(begun["user_code"]);
      await look("device");
      await press("button", "Continue");

      expect(await heading()).toBe("Workbench asks you to sign in");
      expect(await page.locator("p.code").textContent()).toBe(begun["user_code"]);
      await look("approve-unclaimed");
      // The browser itself asks for what is missing: nothing is sent.
      await tabTo(page, page.getByRole("button", { name: "Approve" }));
      await page.keyboard.press("Enter");
      expect(await heading()).toBe("Workbench asks you to sign in");

      await tick(/exactly this code/);
      await tick(/without a network/);
      await type(/called/, "Ada's workbench");
      await type(/claim code/i, "BBBBB-BBBBB");
      await press("button", "Approve");
      expect(await page.getByRole("alert").textContent()).toMatch(/the code given is not that one/);
      // What was chosen stays chosen: nobody grants by a second try what they had unticked at the first.
      expect(await page.getByRole("checkbox", { name: /without a network/ }).isChecked()).toBe(false);
      expect(await page.getByLabel(/called/).inputValue()).toBe("Ada's workbench");
      await look("approve-wrong-claim-code");
      await tick(/exactly this code/);
      await type(/claim code/i, `${client["claim_code"]}`.toLowerCase());
      await press("button", "Approve");
      expect(await page.locator("main").textContent()).toContain("Ada's workbench");
      expect(await heading()).toBe("Approved");
      await look("approved");

      const { access_token, scope } = await tokens;
      expect(scope).toBe("profile:read assistant");
      const profile = await fetch(`${dev.url}/instance/user/profile`, {
        headers: { authorization: `Bearer ${access_token}` },
      });
      expect(await profile.json()).toMatchObject({ identity: { name: "Ada", email: "ada@acme.example" } });
      // A refused form is an answer of 403, which Chromium tells as an error of its own.
      expect(complaints.filter((text) => !text.includes("status of 403"))).toEqual([]);

      complaints = [];
      const second = await form("/oauth2/device/authorize", { ...proof(client), scope: "profile:read" });
      await page.goto(`${second["verification_uri"]}`);
      await look("device-empty");
      await type("Code", `${second["user_code"]}`.toLowerCase().replace("-", " "));
      await press("button", "Continue");
      expect(await heading()).toBe("Ada's workbench asks you to sign in");
      await look("approve-claimed");
      await press("button", "Deny");
      expect(await heading()).toBe("Denied");
      await look("denied");
      expect((await waitForTokens(client, second))["error"]).toBe("access_denied");
      expect(complaints).toEqual([]);

      await page.goto(`${second["verification_uri"]}`);
      await type("Code", "BBBB-BBBB");
      await press("button", "Continue");
      expect(await page.getByRole("alert").textContent()).toMatch(/No device waits/);
      await look("device-unknown");
    });

    test("a program on the same machine gets a code through the browser, and no secret is needed", async () => {
      const arrived = Promise.withResolvers<URL>();
      const program = createServer((request, response) => {
        if (request.url?.startsWith("/callback")) {
          arrived.resolve(new URL(request.url, dev.url));
          // As many programs do: on to a page of their maker's, at another origin.
          return void response.writeHead(302, { location: `http://localhost:${request.socket.localPort}/` }).end();
        }
        response.setHeader("content-type", "text/html");
        response.end("<!doctype html><title>Back</title><h1>You can close this page.</h1>");
      });
      const port = await listen(program);
      try {
        const client = await post("/oauth2/register", {
          client_name: "Notes",
          scope: "profile:read assistant",
          grant_types: ["authorization_code", "refresh_token"],
          token_endpoint_auth_method: "none",
          // RFC 8252 section 7.3: the port is known only when it listens.
          redirect_uris: ["http://127.0.0.1/callback"],
          instance_registration_key: dev.registrationKey,
        });
        const verifier = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");
        const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
        const asked = {
          client_id: `${client["client_id"]}`,
          redirect_uri: `http://127.0.0.1:${port}/callback`,
          code_challenge: Buffer.from(digest).toString("base64url"),
        };
        const query = new URLSearchParams({
          ...asked,
          response_type: "code",
          code_challenge_method: "S256",
          scope: "profile:read assistant",
          state: "the program's own",
        });
        await page.goto(`${dev.url}/oauth2/authorize?${query}`);
        await signInAsAda();
        expect(new URL(page.url()).pathname).toBe("/consent");
        expect(await heading()).toBe("Notes asks you to sign in");
        await look("consent");
        await tick(/assistant/i);
        await press("button", "Approve");
        expect(await heading()).toBe("You can close this page.");
        const { searchParams } = await arrived.promise;
        expect([searchParams.get("state"), searchParams.get("iss")]).toEqual(["the program's own", dev.url]);
        const { code_challenge: _, ...presented } = asked;
        const code = searchParams.get("code") ?? "";
        const fields = { ...presented, grant_type: "authorization_code", code, code_verifier: verifier };
        expect(await form("/oauth2/token", fields)).toMatchObject({ token_type: "Bearer", scope: "profile:read" });

        const stranger = await post("/oauth2/register", {
          client_name: "Free prizes",
          scope: "profile:read",
          grant_types: ["authorization_code"],
          token_endpoint_auth_method: "none",
          redirect_uris: [`http://127.0.0.1/prizes`],
        });
        const trick = { client_id: `${stranger["client_id"]}`, redirect_uri: `http://127.0.0.1:${port}/prizes` };
        await page.goto(`${dev.url}/oauth2/authorize?${new URLSearchParams({ ...trick, response_type: "bogus" })}`);
        expect(await heading()).toBe("This sign-in cannot go on");
        await look("consent-wrong-request");
        await press("link", /Back to/);
        expect(new URL(page.url()).searchParams.get("error")).toBe("unsupported_response_type");
        expect(complaints.filter((text) => !/favicon|status of 400/.test(text))).toEqual([]);
      } finally {
        await stopListening(program);
      }
    });

    test("a page of another origin is an instance: ebb/client registers, pings, signs somebody in and gets a lease", async () => {
      const app = await servePage(await builtClient());
      try {
        const instance = await context.newPage();
        const code = Promise.withResolvers<SignInCode>();
        instance.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
        await instance.exposeFunction("show", (shown: SignInCode) => code.resolve(shown));
        await instance.goto(app.url);
        expect(new URL(instance.url()).origin).not.toBe(dev.url);
        const started = await instance.evaluate(START, { url: dev.url, registrationKey: dev.registrationKey });
        expect(started).toEqual({
          ping: { ok: true, value: { pinged: true, collect: true, nextAtMs: expect.any(Number) } },
          owner: { ok: true, value: expect.objectContaining({ kind: "team" }) },
        });
        const signedIn = instance.evaluate(SIGN_IN);
        const { verificationUriComplete, claimCode } = await code.promise;
        expect(claimCode).toBeNull();
        await page.goto(verificationUriComplete);
        await signInAsAda();
        await press("button", "Continue");
        await tick(/exactly this code/);
        await press("button", "Approve");
        expect(await heading()).toBe("Approved");
        expect(await signedIn).toEqual({
          signIn: { ok: true, value: { scope: "profile:read offline" } },
          name: "Ada",
          lease: true,
          signOut: { ok: true, value: { revoked: true } },
        });
        expect(complaints.filter((text) => !text.includes("favicon"))).toEqual([]);
      } finally {
        await app.stop();
      }
    });
  },
);

/** Runs in the page: an instance with its store in the page's memory. */
const START = async ({ url, registrationKey }: { url: string; registrationKey: string }) => {
  const { createClient } = globalThis as unknown as typeof import("../client/index.ts");
  let kept: string | null = null;
  const store = {
    get: async () => kept,
    set: async (text: string) => {
      kept = text;
    },
  };
  const client = createClient({ url, store, registrationKey, scope: "profile:read offline" });
  Object.assign(globalThis, { client });
  return { ping: await client.start(), owner: await client.owner() };
};
const SIGN_IN = async () => {
  const { client, show } = globalThis as unknown as { client: Client; show: (code: SignInCode) => void };
  const signIn = await client.signIn({ onCode: show });
  const [profile, lease] = [await client.profile(), await client.lease()];
  client.stop();
  const name = profile.ok ? profile.value.identity.name : profile.error;
  return { signIn, name, lease: lease.ok, signOut: await client.signOut() };
};

/** The files of the built client by name, as a page would load them. */
async function builtClient(): Promise<Map<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "ebb-client-"));
  try {
    await buildClient(folder);
    const names = (await readdir(folder)).filter((name) => name.endsWith(".js"));
    return new Map(
      await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), "utf8")] as const)),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

const INSTANCE_PAGE = `<!doctype html><title>An instance</title><script type="module">
  import { createClient } from "/client/index.js";
  Object.assign(globalThis, { createClient });
</script>`;

/** Serves a page that is an instance, and these modules under /client/, from an origin of its own. */
async function servePage(modules: ReadonlyMap<string, string>): Promise<{ url: string; stop: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const module = modules.get((request.url ?? "").replace("/client/", ""));
    response.setHeader("content-type", module === undefined ? "text/html" : "text/javascript");
    response.end(module ?? INSTANCE_PAGE);
  });
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}/`, stop: () => stopListening(server) };
}
