import { describe, expect, inject, it, test } from "vitest";
import { LATER } from "../src/testing/contract/deviations.ts";
import { examples } from "../src/testing/contract/examples.ts";
import type { ContractDocuments } from "../src/testing/contract/files.ts";
import { type BodyType, type ContractOperation, contractOperations } from "../src/testing/contract/operations.ts";
import type { Resolve, Schema } from "../src/testing/contract/subset.ts";
import { violations } from "../src/testing/contract/valid.ts";
import {
  type ContractWorld,
  CREDENTIALS,
  type CredentialName,
  contractWorld,
  SCHEMES,
  send,
} from "../src/testing/contract/world.ts";
import { withoutPostgres } from "../src/testing/faults.ts";

/**
 * Every operation of the published documents, called on the real Worker as a client of theirs does: with the parameters
 * and bodies that they declare and the credential that the contract's README names. Answers, errors too, must be what
 * their schemas say.
 */

const documents = inject("contract");
const operations = documents === null ? [] : contractOperations(documents);
const named = operations.map((operation) => [`${operation.name} of ${operation.document}`, operation] as const);
const now = named.filter(([, { name }]) => !LATER.includes(name));
const later = named.filter(([, { name }]) => LATER.includes(name));

type Fields = Record<string, unknown>;

interface Call {
  params: Record<string, string>;
  query: Record<string, string>;
  body: Fields | null | undefined;
}

const isForm = ({ body }: ContractOperation) => body?.type === "application/x-www-form-urlencoded";

/** Every way in which the document lets a client call this. */
async function callsOf(operation: ContractOperation, { givens }: Pick<ContractWorld, "givens">): Promise<Call[]> {
  const { parameters, body, resolve } = operation;
  const calls: Call[] = [];
  const bodies = body === null ? [undefined] : await examples(body.schema, givens, resolve, isForm(operation));
  for (const content of bodies) {
    const queries = await examples(parameters.query, givens, resolve, true);
    for (const query of queries) {
      const [params] = await examples(parameters.path, givens, resolve, true);
      calls.push({ params, query, body: content } as Call);
    }
  }
  return calls;
}

function encoded(type: BodyType, body: Fields | null): { type: string; text: string } {
  const isJson = type === "application/json";
  return { type, text: isJson ? JSON.stringify(body) : new URLSearchParams(body as Record<string, string>).toString() };
}

function sendCall({ method, path, body: declared }: ContractOperation, call: Call, bearer: string | undefined) {
  const body =
    declared === null || call.body === undefined ? undefined : encoded(declared.type, call.body as Fields | null);
  return send(method, path, { params: call.params, query: call.query, body, bearer });
}

/** Whoever may call it: as the document says, else the contract's README. */
function credentialsOf({ name, security }: ContractOperation): CredentialName[] {
  return security?.map((scheme) => SCHEMES[scheme] as CredentialName) ?? [CREDENTIALS[name] as CredentialName];
}

/** What the documents allow and we do not (IN_BEHAVIOUR): RFC 7662 section 2.1 has whoever asks about tokens authenticate. */
const isAnonymous = ({ name }: ContractOperation, { body }: Call) =>
  name === "POST /oauth2/introspect" && body?.["client_id"] === undefined;

const bearerOf = ({ bearer }: ContractWorld, credential: CredentialName) =>
  credential === "none" ? undefined : bearer[credential];

/** A voucher is for one claim, by an account that has not that plan yet. */
async function worldFor({ name }: ContractOperation): Promise<ContractWorld> {
  const world = await contractWorld();
  const isVoucher = name === "POST /api/v1/user/billing/voucher-claims";
  return isVoucher ? { ...world, givens: { ...world.givens, code: world.voucherCode } } : world;
}

async function expectSuccess({ success, resolve }: ContractOperation, response: Response): Promise<void> {
  const text = await response.text();
  expect([response.status, text]).toEqual([success.status, text]);
  if (success.schema !== null) {
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(violations(JSON.parse(text), success.schema, resolve)).toEqual([]);
  }
  if (success.status === 204) expect(text).toBe("");
  if (success.status === 302) expect(response.headers.get("location")).toBe("/consent");
}

/** RFC 6749's shape on the OAuth routes, the account API's everywhere else. */
async function expectRefusal({ path }: ContractOperation, response: Response, status: unknown): Promise<void> {
  const { components } = (documents as ContractDocuments)["public-api.yaml"];
  const schemas = components.schemas as Record<string, Schema>;
  const resolve: Resolve = (ref) => schemas[ref.slice(ref.lastIndexOf("/") + 1)] as Schema;
  const [$ref, type] = path.startsWith("/oauth2/")
    ? ["#/OAuth2ErrorResponse", "application/json"]
    : ["#/ErrorResponse", "application/problem+json"];
  const text = await response.text();
  expect([response.status, text]).toEqual([status, text]);
  expect(response.headers.get("content-type")).toBe(type);
  expect(violations(JSON.parse(text), { $ref }, resolve)).toEqual([]);
}

const refused = expect.toSatisfy((status: number) => status >= 400 && status < 500, "4xx");

describe.skipIf(documents === null)("the published contract (skipped where ../shared/contracts is not there)", () => {
  test("every operation has a credential, and every row and every later one an operation", () => {
    for (const operation of operations) {
      expect([operation.name, credentialsOf(operation)]).not.toContainEqual([undefined]);
    }
    const names = operations.map(({ name }) => name);
    expect([...Object.keys(CREDENTIALS), ...LATER].filter((name) => !names.includes(name))).toEqual([]);
    expect(new Set(names).size).toBe(30);
  });

  it.each(now)("%s answers as published, however it is called", async (_, operation) => {
    for (const credential of credentialsOf(operation)) {
      // What one call ends, as logging out does, the next would miss.
      const { length } = await callsOf(operation, { givens: {} });
      for (let i = 0; i < length; i++) {
        const world = await worldFor(operation);
        const call = (await callsOf(operation, world))[i] as Call;
        const response = await sendCall(operation, call, bearerOf(world, credential));
        if (isAnonymous(operation, call)) await expectRefusal(operation, response, 401);
        else await expectSuccess(operation, response);
      }
    }
  });

  it.each(now)("%s refuses in the published shape", async (_, operation) => {
    const world = await worldFor(operation);
    const [credential] = credentialsOf(operation) as [CredentialName];
    const bearer = bearerOf(world, credential);
    const [call] = (await callsOf(operation, world)) as [Call];

    if (bearer !== undefined) {
      for (const other of [undefined, "", "garbage", `${bearer}x`]) {
        await expectRefusal(operation, await sendCall(operation, call, other), 401);
      }
      const others = Object.values(world.bearer).filter((token) => token !== bearer);
      const accepted = credentialsOf(operation).map((name) => bearerOf(world, name));
      for (const other of others.filter((token) => !accepted.includes(token))) {
        await expectRefusal(operation, await sendCall(operation, call, other), 401);
      }
    }
    for (const name of Object.keys(call.params)) {
      for (const value of ["garbage", " ", "a/b", "x".repeat(2_000)]) {
        const params = { ...call.params, [name]: value };
        await expectRefusal(operation, await sendCall(operation, { ...call, params }, bearer), refused);
      }
    }
    for (const name of operation.parameters.query.required ?? []) {
      for (const value of [undefined, "", "x".repeat(2_000)]) {
        const query: Record<string, string> = { ...call.query };
        delete query[name];
        if (value !== undefined) query[name] = value;
        await expectSaidNo(operation, await sendCall(operation, { ...call, query }, bearer));
      }
    }
    if (operation.body !== null) await refusesBodies(operation, call, bearer);
  });

  /** In the published shape; at the authorization endpoint also by sending the browser back (RFC 6749 section 4.1.2.1). */
  async function expectSaidNo(operation: ContractOperation, response: Response): Promise<void> {
    if (response.status !== 302) return await expectRefusal(operation, response, refused);
    const location = response.headers.get("location") ?? "";
    // RFC 6749 section 3.3: a client that asks for no scope is asked what it registered.
    if (location !== "/consent") expect(new URL(location).searchParams.get("error")).toMatch(/^[a-z_]+$/);
  }

  async function refusesBodies(operation: ContractOperation, call: Call, bearer: string | undefined): Promise<void> {
    const { method, path, body, success } = operation;
    const { type } = body as NonNullable<ContractOperation["body"]>;
    const garbage = [
      { type, text: type === "application/json" ? "{" : "%zz&&=" },
      { type, text: type === "application/json" ? '"x"' : "\u0000" },
      { type: "text/plain", text: "x" },
      { type, text: "x".repeat(100_000) },
    ];
    for (const sent of garbage) {
      await expectRefusal(operation, await send(method, path, { ...call, body: sent, bearer }), refused);
    }
    const fields = (await examples(body?.schema as Schema, {}, operation.resolve, isForm(operation))) as Fields[];
    const names = Object.keys(call.body ?? fields.find((one) => one !== null) ?? {});
    for (const name of names) {
      const wrong = [undefined, "x".repeat(20_000), ...(type === "application/json" ? [7, [{}]] : [])];
      for (const value of wrong) {
        const changed = { ...call.body, [name]: value };
        if (value === undefined) delete changed[name];
        const response = await sendCall(operation, { ...call, body: changed }, bearer);
        // Some that the documents require may be left out here; nothing of a wrong type is taken.
        if (value === undefined && response.status === success.status) await expectSuccess(operation, response);
        else await expectRefusal(operation, response, refused);
      }
    }
  }

  it.each(now.filter(([, { path }]) => path.includes("{") && !path.includes("register")))(
    "%s does not know what is not there",
    async (_, operation) => {
      const [world, other] = [await worldFor(operation), await worldFor(operation)];
      // Another tenant's looks like one that never was.
      const [call] = (await callsOf(operation, other)) as [Call];
      await expectRefusal(operation, await sendCall(operation, call, world.bearer.pat), 404);
    },
  );

  test("an account that has the plan already is told so, and keeps the voucher", async () => {
    const operation = operations.find(({ name }) => name === "POST /api/v1/user/billing/voucher-claims");
    if (operation === undefined) throw new Error("nothing claims a voucher");
    const world = await worldFor(operation);
    for (const status of [204, 409]) {
      const [call] = (await callsOf(operation, world)) as [Call];
      const response = await sendCall(operation, call, world.bearer.pat);
      if (status === 204) await expectSuccess(operation, response);
      else await expectRefusal(operation, response, status);
    }
  });

  it.each(now)("%s says in the published shape that the database is away", async (_, operation) => {
    const world = await worldFor(operation);
    const [credential] = credentialsOf(operation) as [CredentialName];
    const [call] = (await callsOf(operation, world)) as [Call];
    const response = await withoutPostgres(() => sendCall(operation, call, bearerOf(world, credential)));
    if (response.status === operation.success.status) await expectSuccess(operation, response);
    else await expectRefusal(operation, response, 503);
  });

  it.each(later)("%s comes later, and is as unknown as any path until then", async (_, operation) => {
    const world = await contractWorld();
    for (const credential of credentialsOf(operation)) {
      const [call] = (await callsOf(operation, world)) as [Call];
      await expectRefusal(operation, await sendCall(operation, call, bearerOf(world, credential)), 404);
    }
  });
});
