import { can, type Permission } from "../core/permission.ts";

interface Described {
  /** What the approver must be permitted to do, to grant it. */
  permission: Permission;
  /** One sentence for people: what an instance sees or does with it. */
  what: string;
  required: boolean;
}

/** The scopes of the published contract, in the order in which they are always shown. */
export const SCOPE_TABLE = {
  "profile:read": {
    permission: "profile:read",
    what: "It sees your name, your e-mail address and the plan of your account.",
    required: true,
  },
  assistant: {
    permission: "assistant:use",
    what: "It can put your questions to the assistant, at the expense of your account.",
    required: false,
  },
  offline: {
    permission: "offline:use",
    what: "It can go on for some days without a network, with a signed lease that names you.",
    required: false,
  },
  "billing:write": {
    permission: "billing:write",
    what: "It can redeem vouchers for your account.",
    required: false,
  },
} as const satisfies Record<string, Described>;

export type Scope = keyof typeof SCOPE_TABLE;
export const SCOPES = Object.keys(SCOPE_TABLE) as [Scope, ...Scope[]];

export interface GrantableScope {
  name: Scope;
  /** As the contract says it: `required` cannot be left out, `optional` can, `forbidden` cannot be granted. */
  requirement: "required" | "optional" | "forbidden";
}

export type GrantReason = "scope";

/** Longer texts are no scopes: the four of ours have 39 characters. */
const MAX_TEXT = 1_000;
/** RFC 6749 section 3.3; the comma, which is allowed there, is what clients of the contract separate them by. */
const SCOPE_TOKEN = /^[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,100}$/;

/**
 * The scope tokens of a text, each once, in the order given: separated by spaces as RFC 6749 section 3.3 says, or by
 * commas as clients of the contract do. What is no scope token is left out; a text beyond 1,000 characters has none:
 * cut off, its last token might be another's name.
 */
export function parseScope(text: string): string[] {
  if (text.length > MAX_TEXT) return [];
  return [...new Set(text.split(/[ ,]/).filter((token) => SCOPE_TOKEN.test(token)))];
}

/** The scopes of ours that are in both, in our order: what is unknown, or not registered, is left out. */
export function intersectScopes(requested: readonly string[], registered: readonly string[]): Scope[] {
  return SCOPES.filter((name) => requested.includes(name) && registered.includes(name));
}

/** As in a token and in an answer: separated by one space (RFC 6749 section 3.3). */
export function formatScope(scopes: readonly Scope[]): string {
  return scopes.join(" ");
}

/**
 * What a client asks for when it begins a login. Without a scope it asks for all that it has registered: the default
 * which RFC 6749 section 3.3 wants declared. Refused when `profile:read`, without which nothing is granted, is not in it.
 */
export function requestScopes(
  text: string | null | undefined,
  registered: readonly string[],
): { ok: true; scope: Scope[] } | { ok: false; reason: GrantReason } {
  const scope = intersectScopes(text === null || text === undefined ? SCOPES : parseScope(text), registered);
  return complete(scope) ? { ok: true, scope } : { ok: false, reason: "scope" };
}

interface Asked {
  requested: readonly string[];
  registered: readonly string[];
  /** What the approver may do: with a personal access token, what that one may do. */
  permissions: readonly string[];
}

/** The requested scopes, as `/oauth2/device/information` shows them to the approver: unknown ones are left out. */
export function grantableScopes({ requested, registered, permissions }: Asked): GrantableScope[] {
  return SCOPES.filter((name) => requested.includes(name)).map((name) => {
    const { permission, required } = SCOPE_TABLE[name];
    if (!registered.includes(name) || !can(permissions, permission)) return { name, requirement: "forbidden" };
    return { name, requirement: required ? "required" : "optional" };
  });
}

/**
 * What an approval grants: what was requested, registered, permitted and chosen; never more. `chosen` null chooses all
 * that can be granted; what is chosen beyond that is ignored (the contract: extra ones are no error). Refused when
 * `profile:read` is not among what is granted: it cannot be, or was left out of the choice.
 */
export function grantScopes({
  chosen,
  ...asked
}: Asked & { chosen: readonly string[] | null }): { ok: true; scope: Scope[] } | { ok: false; reason: GrantReason } {
  const scope = grantableScopes(asked)
    .filter(({ name, requirement }) => requirement !== "forbidden" && (chosen === null || chosen.includes(name)))
    .map(({ name }) => name);
  return complete(scope) ? { ok: true, scope } : { ok: false, reason: "scope" };
}

function complete(scope: readonly Scope[]): boolean {
  return SCOPES.every((name) => !SCOPE_TABLE[name].required || scope.includes(name));
}
