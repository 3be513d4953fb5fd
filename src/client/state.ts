import { field, numberField, textField } from "./json-field.ts";

/** Who the service takes this instance for. */
export interface RegisteredClient {
  id: string;
  secret: string;
  /** Whether a person or a key has claimed it, as far as is known here. */
  claimed: boolean;
  claimCode: string | null;
  /** When an unclaimed registration ends, ms. */
  expiresAtMs: number | null;
}

export interface AccessToken {
  token: string;
  /** From when a new one is asked for, though this one still holds; ms. */
  renewAtMs: number;
  expiresAtMs: number;
}

export interface SignIn extends AccessToken {
  refreshToken: string;
  scope: string;
  /** A refresh was sent at this moment and its answer has not come, ms. Within 60 s the same token may be sent again. */
  refreshSentAtMs: number | null;
}

/** A key of the service's published set (RFC 8037). */
export interface PublicKey {
  kid: string;
  x: string;
}

const VERSION = 1;

/** All that the client keeps, as one JSON text. */
export interface State {
  v: typeof VERSION;
  /** The service that everything else belongs to: secrets are never sent to another. */
  url: string;
  /** What the owner has said; null: nothing. */
  consent: boolean | null;
  /** The Idempotency-Key of a registration that was sent, or was about to be, and whose answer has not come. */
  registering: string | null;
  client: RegisteredClient | null;
  instance: AccessToken | null;
  user: SignIn | null;
  lease: { token: string; keys: PublicKey[] } | null;
  /** The last acknowledged ping: when it was sent, and whether more are wanted. */
  alive: { atMs: number; collect: boolean } | null;
  ownerId: string | null;
  /** The latest moment that was ever seen here, ms: a clock that is set back does not make a lease longer. */
  seenAtMs: number;
}

export function emptyState(url: string, consent: boolean | null = null): State {
  const nobody = { registering: null, client: null, instance: null, user: null };
  return { v: VERSION, url, consent, ...nobody, lease: null, alive: null, ownerId: null, seenAtMs: 0 };
}

const MAX_TEXT = 16_384;
const MAX_MS = 8.64e15;

/**
 * Reads a stored text. A part that is damaged is left out, what belongs to it as well. `newer` is what a later version of
 * this client has written: not ours to change. `unreadable` is any other text that is none of ours.
 */
export function parseState(text: string, url: string): State | "newer" | "unreadable" {
  let stored: unknown;
  try {
    stored = JSON.parse(text);
  } catch {
    return "unreadable";
  }
  const version = field(stored, "v");
  if (typeof version === "number" && version > VERSION) return "newer";
  const said = field(stored, "consent");
  // Something was said there, if not clearly: a no.
  const consent = typeof said === "boolean" || said == null ? (said ?? null) : false;
  // Of another service or version only what the owner has said is taken over.
  if (version !== VERSION) return consent === null ? "unreadable" : emptyState(url, consent);
  if (field(stored, "url") !== url) return emptyState(url, consent);
  const client = clientOf(field(stored, "client"));
  const registering = textField(stored, "registering", 64);
  const seenAtMs = momentOf(stored, "seenAtMs") ?? 0;
  if (client === null) return { ...emptyState(url, consent), registering, seenAtMs };
  const alive = field(stored, "alive");
  const aliveAtMs = momentOf(alive, "atMs");
  return {
    v: VERSION,
    url,
    consent,
    registering,
    client,
    instance: tokenOf(field(stored, "instance")),
    user: signInOf(field(stored, "user")),
    lease: leaseOf(field(stored, "lease")),
    alive: aliveAtMs === null ? null : { atMs: aliveAtMs, collect: field(alive, "collect") !== false },
    ownerId: textField(stored, "ownerId", MAX_TEXT),
    seenAtMs,
  };
}

function clientOf(stored: unknown): RegisteredClient | null {
  const [id, secret] = [textField(stored, "id", MAX_TEXT), textField(stored, "secret", MAX_TEXT)];
  if (id === null || secret === null) return null;
  const claimCode = textField(stored, "claimCode", MAX_TEXT);
  return {
    id,
    secret,
    claimed: field(stored, "claimed") === true,
    claimCode,
    expiresAtMs: momentOf(stored, "expiresAtMs"),
  };
}

function tokenOf(stored: unknown): AccessToken | null {
  const token = textField(stored, "token", MAX_TEXT);
  const [renewAtMs, expiresAtMs] = [momentOf(stored, "renewAtMs"), momentOf(stored, "expiresAtMs")];
  return token === null || renewAtMs === null || expiresAtMs === null ? null : { token, renewAtMs, expiresAtMs };
}

function signInOf(stored: unknown): SignIn | null {
  const [access, refreshToken] = [tokenOf(stored), textField(stored, "refreshToken", MAX_TEXT)];
  if (access === null || refreshToken === null) return null;
  const scope = textField(stored, "scope", MAX_TEXT) ?? "";
  return { ...access, refreshToken, scope, refreshSentAtMs: momentOf(stored, "refreshSentAtMs") };
}

function leaseOf(stored: unknown): State["lease"] {
  const token = textField(stored, "token", MAX_TEXT);
  return token === null ? null : { token, keys: publicKeysOf(stored) };
}

/** The Ed25519 keys of an object's `keys`, at most 20. */
export function publicKeysOf(value: unknown): PublicKey[] {
  const keys = field(value, "keys");
  if (!Array.isArray(keys)) return [];
  return keys.slice(0, 20).flatMap((key: unknown) => {
    const [kid, x] = [textField(key, "kid", 200), textField(key, "x", 100)];
    const foreign = field(key, "crv") !== undefined && field(key, "crv") !== "Ed25519";
    return kid === null || x === null || foreign ? [] : [{ kid, x }];
  });
}

function momentOf(stored: unknown, name: string): number | null {
  return numberField(stored, name, 0, MAX_MS);
}
