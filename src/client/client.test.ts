import { expect, onTestFinished, test } from "vitest";
import { clientWorld, MemoryStore, signIn } from "../testing/client-world.ts";
import { ContractServer, type Received } from "../testing/contract-server.ts";
import { VirtualTime } from "../testing/virtual-time.ts";
import { type Action, type ClientEvent, type ClientOptions, createClient, type PreviewedRequest } from "./index.ts";

const OS = { kind: "linux", name: "Debian GNU/Linux", version: "12" };

/** The same over a real socket, with the runtime's own fetch. */
async function overHttp() {
  const time = new VirtualTime();
  const server = new ContractServer(time.now);
  const { url, close } = await server.listen();
  onTestFinished(close);
  const store = new MemoryStore();
  const events: ClientEvent[] = [];
  const make = (more: Partial<ClientOptions> = {}) =>
    createClient({
      url,
      store,
      now: time.now,
      schedule: time.schedule,
      env: {},
      onEvent: (event) => void events.push(event),
      ...more,
    });
  return { server, time, store, events, url, make };
}

test("over HTTP: it registers with its key, gets a token, pings, and does none of it again after a restart", async () => {
  const { server, events, time, make } = await overHttp();
  const first = await make({ registrationKey: "key", os: OS, name: "desk" }).start();
  expect(first).toEqual({ ok: true, value: { pinged: true, collect: true, nextAtMs: expect.any(Number) } });
  expect(server.paths()).toEqual(["/oauth2/register", "/oauth2/token", "/instance/alive"]);
  expect(JSON.parse(server.received[0]?.body ?? "")).toMatchObject({
    instance_registration_key: "key",
    client_name: "desk",
  });
  expect(JSON.parse(server.received[2]?.body ?? "")).toEqual({ os: OS });
  expect(events.map(({ type }) => type)).toEqual(["registered", "pinged"]);

  expect(await make().start()).toMatchObject({ ok: true, value: { pinged: false } });
  expect(server.received).toHaveLength(3);
  time.jump(24 * 3_600_000);
  expect(await make().start()).toMatchObject({ ok: true, value: { pinged: true } });
  expect(server.paths().slice(3)).toEqual(["/oauth2/token", "/instance/alive"]);
});

test("over HTTP: without a key it prints a claim code and waits for the first sign-in", async () => {
  const { server, events, make, time } = await overHttp();
  const client = make();
  expect(await client.start()).toMatchObject({
    ok: false,
    error: { code: "unclaimed", reason: "unauthorized_client" },
  });
  const claimCode = "BCDFG-HJKLM";
  const registrationExpiresAtMs = time.now() + 24 * 3_600_000;
  expect(events[0]).toEqual({ type: "registered", clientId: expect.any(String), claimCode, registrationExpiresAtMs });
  expect(await client.status()).toMatchObject({
    value: { registered: true, claimed: false, claimCode, signedIn: false },
  });
  let answered: () => void = () => {};
  const shown = new Promise<void>((resolve) => {
    answered = resolve;
  });
  const signedIn = client.signIn({ onCode: answered });
  await shown;
  server.approve();
  await time.advance(5_000);
  expect(await signedIn).toEqual({ ok: true, value: { scope: "profile:read offline" } });
  expect(await client.status()).toMatchObject({ value: { claimed: true, claimCode: null, signedIn: true } });
  expect(await client.start()).toMatchObject({ ok: true });
  expect(server.pings).toHaveLength(1);
});

test("every call of the contract answers what it promises", async () => {
  const world = clientWorld();
  const client = world.make();
  await signIn(world, client);
  expect(await client.owner()).toEqual({ ok: true, value: { id: "owner-1", kind: "user" } });
  expect(await client.workspace()).toEqual({ ok: true, value: { id: "workspace-1", name: "Default", generation: 3 } });
  expect(await client.session()).toMatchObject({ ok: true, value: { id: "session-1", scopes: ["profile:read"] } });
  expect(await client.profile()).toMatchObject({ ok: true, value: { identity: { name: "Ada" } } });
  expect(await client.signOut()).toEqual({ ok: true, value: { revoked: true } });
  expect(await client.profile()).toMatchObject({ ok: false, error: { code: "signed-out" } });
  expect(world.server.families[0]?.ended).toBe(true);
});

const ACTIONS: Action[] = ["start", "signIn", "session", "signIn", "profile", "owner", "workspace", "lease", "signOut"];
/** What fetch itself adds: nothing of it is the client's. */
const TRANSPORT = [
  "host",
  "connection",
  "content-length",
  "accept-language",
  "sec-fetch-mode",
  "user-agent",
  "accept-encoding",
];

function asSent({ method, url, headers, text }: PreviewedRequest) {
  return { method, path: new URL(url).pathname, headers, body: text ?? "" };
}

function withoutTransport({ method, path, headers, body }: Received) {
  const own = Object.entries(headers).filter(([name]) => !TRANSPORT.includes(name));
  return { method, path, headers: Object.fromEntries(own), body };
}

/** What the service assigns in the middle of a call is not known before. */
function withLater(text: string, assigned: RegExp): string {
  return text.replaceAll(assigned, "assigned-later");
}

test("over HTTP: what was previewed is byte for byte what is sent, for every call", async () => {
  const { server, make, time } = await overHttp();
  const client = make({ registrationKey: "key", os: { ...OS, name: 'Deb"ian ü' }, name: "my & desk" });
  for (const action of ACTIONS) {
    time.jump(2 * 3_600_000);
    const preview = await client.preview(action, { secrets: true });
    const masked = await client.preview(action);
    const before = server.received.length;
    const known = JSON.stringify(preview);
    if (action === "signIn") {
      let shown = () => {};
      const ready = new Promise<void>((resolve) => {
        shown = resolve;
      });
      const result = client.signIn({ onCode: () => shown() });
      await ready;
      server.approve();
      await time.advance(5_000);
      expect(await result).toMatchObject({ ok: true });
    } else {
      await client[action]();
    }
    const sent = server.received.slice(before).map(withoutTransport);
    // Ids that nobody could know before stand out, since the preview does not hold them.
    const unknown = [...JSON.stringify(sent).matchAll(/\b(client|secret|instance|user|device)-\d+\b/g)]
      .map(([id]) => id)
      .filter((id) => !known.includes(id));
    const later = unknown.length === 0 ? /(?!)/g : new RegExp(`\\b(${unknown.join("|")})\\b`, "g");
    expect(JSON.parse(withLater(JSON.stringify(sent), later)), action).toEqual(preview.ok && preview.value.map(asSent));
    expect(sent.length, action).toBeGreaterThan(0);
    // The masked one differs in secrets alone.
    expect(JSON.stringify(masked), action).not.toMatch(/secret-\d|instance-\d|user-\d|refresh-\d|:\\?"key\\?"/);
    const shapes = (previewed: typeof masked) =>
      previewed.ok && previewed.value.map(({ method, url }) => [method, url]);
    expect(shapes(masked)).toEqual(shapes(preview));
  }
  expect(server.paths().filter((path) => path === "/oauth2/register")).toHaveLength(1);
});

test("a preview sends nothing and shows the bytes", async () => {
  const { server, make } = clientWorld();
  const preview = await make({ registrationKey: "key", os: OS }).preview();
  const [register, token, alive] = preview.ok ? preview.value : [];
  expect(register?.text).toContain('"instance_registration_key":"***"');
  expect(token?.text).toBe("grant_type=client_credentials&client_id=assigned-later&client_secret=assigned-later");
  expect(new TextDecoder().decode(alive?.body ?? undefined)).toBe(JSON.stringify({ os: OS }));
  expect(server.received).toEqual([]);
});

test("options that cannot be used make every call say so", async () => {
  const { store } = clientWorld();
  const hostile = {
    get url(): string {
      throw new Error("no");
    },
    store,
  };
  const wrong = [
    "",
    "nonsense",
    "ftp://ebb.example",
    "http://ebb.example",
    "https://a:b@ebb.example",
    "https://ebb.example?x=1",
    7,
  ];
  const clients = [
    ...wrong.map((url) => createClient({ url: url as string, store })),
    createClient({ url: "https://ebb.example" } as ClientOptions),
    createClient(hostile),
    createClient(undefined as unknown as ClientOptions),
  ];
  for (const client of clients) {
    for (const name of ["start", "signOut", "session", "status", "preview", "lease", "verifyLease"] as const) {
      expect(await client[name]()).toMatchObject({ ok: false, error: { code: "invalid-option" } });
    }
    client.stop();
  }
});

test("what is kept for one service is never shown to another", async () => {
  const world = clientWorld();
  await signIn(world, world.make());
  await world.make().setConsent(true);
  const elsewhere = new ContractServer(world.time.now);
  const client = world.make({ url: "http://127.0.0.1:9", fetch: elsewhere.fetch });
  expect(await client.session()).toMatchObject({ ok: false, error: { code: "signed-out" } });
  await client.start();
  expect(JSON.stringify(elsewhere.received)).not.toMatch(/refresh-|user-/);
  expect(elsewhere.paths()[0]).toBe("/oauth2/register");
  expect(await client.status()).toMatchObject({ value: { consent: true } });
});

test("a registration that was removed is not made again by itself; one that nobody claimed is, when somebody signs in", async () => {
  const world = clientWorld();
  const { server, time, events } = world;
  const removed = world.make({ registrationKey: "key" });
  await removed.start();
  server.clients.clear();
  await time.advance(3 * 86_400_000);
  expect(await world.make({ registrationKey: "key" }).start()).toMatchObject({
    error: { code: "registration-refused" },
  });
  expect(server.paths().filter((path) => path === "/oauth2/register")).toHaveLength(1);
  expect(events).toContainEqual(expect.objectContaining({ type: "registration-refused" }));
  expect(await removed.forget()).toEqual({ ok: true, value: undefined });
  expect(await removed.start()).toMatchObject({ ok: true, value: { pinged: true } });

  const other = clientWorld();
  const unclaimed = other.make();
  await unclaimed.start();
  await other.time.advance(2 * 86_400_000);
  expect(other.server.clients.size).toBe(1);
  expect(await signIn(other, unclaimed)).toMatchObject({ ok: true });
  expect(other.server.clients.size).toBe(2);
  // Gone there before its time, as after a restore: found out when somebody signs in.
  const third = clientWorld();
  const early = third.make();
  await early.start();
  third.server.clients.clear();
  expect(await signIn(third, early)).toMatchObject({ ok: true });
});

test("the preview of a start shows the refresh that is then repeated, and none where it is too late or not permitted", async () => {
  const world = clientWorld();
  const { server, time, make } = world;
  const client = make({ registrationKey: "key" });
  await client.start();
  await signIn(world, client);
  time.jump(6 * 86_400_000);
  server.fault = ({ body }) => (body.includes("refresh_token=") ? "lost" : null);
  await client.session();
  time.clear();
  server.fault = () => null;
  time.jump(20_000);
  const sentBy = async (options: Partial<ClientOptions>, waitMs: number) => {
    time.jump(waitMs);
    const kept = world.store.text;
    const next = make(options);
    const preview = await next.preview("start", { secrets: true });
    const before = server.received.length;
    await next.start();
    await time.advance(0);
    time.clear();
    world.store.text = kept;
    const bodies = server.received.slice(before).map(({ path, body }) => [path, body]);
    const previewed = preview.ok && preview.value.map((request) => [new URL(request.url).pathname, request.text ?? ""]);
    expect(previewed).toEqual(bodies);
    return bodies.map(([path, body]) => (body?.includes("refresh_token=") ? "refresh" : path));
  };
  const ping = ["/oauth2/token", "/instance/alive"];
  expect(await sentBy({}, 0)).toEqual(["refresh", ...ping]);
  expect(await sentBy({ env: { DO_NOT_TRACK: "1" } }, 0)).toEqual([]);
  expect(await sentBy({}, 60_000)).toEqual(ping);
});
