import { field, numberField, textField } from "./json-field.ts";

/** The published contract's answers, with names as they are on the wire. */
export interface InstanceOwner {
  id: string;
  kind: string;
}

export interface InstanceWorkspace {
  id: string;
  name: string;
  generation: number;
}

export interface UserSession {
  id: string;
  client_id: string;
  user_id: string;
  workspace_id: string;
  generation: number;
  scopes: string[];
  /** RFC 3339. */
  expires_at: string;
  /** RFC 3339. */
  created_at: string;
}

export interface UserProfile {
  id: string;
  identity: { name: string; email: string };
  subscription: { plan: { name: string }; entitlements: { name: string }[] };
}

type Texts<K extends string> = { [name in K]: string };

const MAX = 2_000;

/** Reads of each answer what the contract promises; null if any of it is missing. */
export function readOwner(answer: unknown): InstanceOwner | null {
  return textsOf(answer, ["id", "kind"]);
}

export function readWorkspace(answer: unknown): InstanceWorkspace | null {
  const texts = textsOf(answer, ["id", "name"]);
  const generation = generationOf(answer);
  return texts === null || generation === null ? null : { ...texts, generation };
}

export function readSession(answer: unknown): UserSession | null {
  const texts = textsOf(answer, ["id", "client_id", "user_id", "workspace_id", "expires_at", "created_at"]);
  const [generation, scopes] = [generationOf(answer), field(answer, "scopes")];
  if (texts === null || generation === null || !Array.isArray(scopes)) return null;
  return scopes.every((scope) => typeof scope === "string") ? { ...texts, generation, scopes } : null;
}

export function readProfile(answer: unknown): UserProfile | null {
  const id = textField(answer, "id", MAX);
  const identity = field(answer, "identity");
  const subscription = field(answer, "subscription");
  const [name, email] = [field(identity, "name"), field(identity, "email")];
  const plan = textsOf(field(subscription, "plan"), ["name"]);
  const listed = field(subscription, "entitlements");
  if (id === null || typeof name !== "string" || typeof email !== "string") return null;
  if (plan === null || !Array.isArray(listed)) return null;
  const entitlements = listed.map((entry: unknown) => textsOf(entry, ["name"]));
  return entitlements.includes(null)
    ? null
    : {
        id,
        identity: { name, email },
        subscription: { plan, entitlements: entitlements.filter((entry) => entry !== null) },
      };
}

function textsOf<const K extends string>(answer: unknown, names: readonly K[]): Texts<K> | null {
  const texts = names.map((name) => [name, textField(answer, name, MAX)] as const);
  return texts.some(([, text]) => text === null) ? null : (Object.fromEntries(texts) as Texts<K>);
}

function generationOf(answer: unknown): number | null {
  return numberField(answer, "generation", 0, Number.MAX_SAFE_INTEGER);
}
