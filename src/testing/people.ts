import { hashSecret, newSecret } from "../access/secret.ts";
import { csrfToken, SESSION_COOKIE } from "../access/session-cookie.ts";
import { type Id, newId } from "../core/id.ts";
import type { Role } from "../core/permission.ts";
import { memberships, people, sessions } from "../db/schema.ts";
import type { MadeTenant } from "../local/bootstrap.ts";
import type { OwnerDatabase } from "../local/owner-connection.ts";
import { owner } from "./world.ts";

/** The origin of the Worker under test. */
const ORIGIN = "https://ebb.test";

/** Somebody who has signed in, and a session of theirs. */
export interface TestPerson {
  id: Id<"person">;
  memberId: Id<"membership">;
  email: string;
  /** What the cookie holds: `ebb.enter` is given its hash. */
  secret: string;
}

export interface WantedPerson {
  email?: string;
  /** Whether the provider has verified the address; true when left out. */
  verified?: boolean;
  name?: string | null;
  /** The tenant whose own provider vouches for the person. */
  provider?: Id<"tenant">;
}

type RunAsOwner = <T>(fn: (db: OwnerDatabase) => Promise<T>) => Promise<T>;

/** Makes a person with this role in the tenant and a session. `asOwner`: of another database than the one all tests share. */
export async function personIn(
  tenant: Pick<MadeTenant, "id">,
  role: Role,
  wanted: WantedPerson = {},
  asOwner: RunAsOwner = owner,
): Promise<TestPerson> {
  const nowMs = Date.now();
  const id = newId("person", nowMs);
  const email = wanted.email ?? `${id.toLowerCase()}@example.test`;
  // One connection for all of it: opening one takes longer than the rows.
  return await asOwner(async (db) => {
    const here: RunAsOwner = (fn) => fn(db);
    await db.insert(people).values({
      id,
      issuer: "https://login.example.test",
      subject: id,
      providerTenantId: wanted.provider ?? null,
      email,
      emailVerified: wanted.verified ?? true,
      name: wanted.name === undefined ? "Somebody" : wanted.name,
      createdAt: nowMs,
    });
    const memberId = await alsoIn(id, tenant, role, here);
    return { id, memberId, email, secret: await sessionOf(id, here) };
  });
}

/** Makes a person a member of one more tenant. */
export async function alsoIn(
  personId: Id<"person">,
  tenant: Pick<MadeTenant, "id">,
  role: Role,
  asOwner: RunAsOwner = owner,
): Promise<Id<"membership">> {
  const id = newId("membership", Date.now());
  await asOwner((db) =>
    db.insert(memberships).values({ id, tenantId: tenant.id, personId, role, createdAt: Date.now() }),
  );
  return id;
}

/** One more session of a person: the secret of its cookie. */
export async function sessionOf(personId: Id<"person">, asOwner: RunAsOwner = owner): Promise<string> {
  const secret = newSecret();
  const secretHash = await hashSecret(secret);
  const issuedAt = Date.now();
  await asOwner((db) => db.insert(sessions).values({ id: newId("session", issuedAt), personId, secretHash, issuedAt }));
  return secret;
}

/** What a browser on our own pages sends with a request of this method. */
export async function sessionHeaders(
  { secret }: Pick<TestPerson, "secret">,
  method = "GET",
): Promise<Record<string, string>> {
  const cookie = `${SESSION_COOKIE}=${secret}`;
  if (method === "GET") return { cookie };
  return { cookie, origin: ORIGIN, "x-csrf-token": await csrfToken(secret) };
}
