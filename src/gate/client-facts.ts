import type { ClientFacts } from "../core/gate-message.ts";
import { type Id, madeAtMs } from "../core/id.ts";

const AUTH_METHODS = ["client_secret_post", "client_secret_basic", "none"] as const;

/**
 * What a client of the version before could do, of whom its gate knows the scope alone: everything that needs no
 * redirect. Its id says when it registered.
 */
export function factsOfBefore(scope: string, instanceId: Id<"instance">): ClientFacts {
  const grantTypes = ["client_credentials", "urn:ietf:params:oauth:grant-type:device_code", "refresh_token"];
  return {
    name: null,
    scope,
    grantTypes,
    redirectUris: [],
    authMethod: "client_secret_post",
    registeredAtMs: madeAtMs(instanceId),
  };
}

/** Checked before it is written down: a gate reads it again at every call. Throws a RangeError for what is none. */
export function checkedFacts(facts: ClientFacts): ClientFacts {
  const { name, scope, grantTypes, redirectUris, authMethod, registeredAtMs } = facts;
  const fine =
    (name === null || typeof name === "string") &&
    typeof scope === "string" &&
    isTexts(grantTypes) &&
    isTexts(redirectUris) &&
    AUTH_METHODS.includes(authMethod) &&
    Number.isSafeInteger(registeredAtMs);
  if (!fine) throw new RangeError("not what a client registers");
  return { name, scope, grantTypes: [...grantTypes], redirectUris: [...redirectUris], authMethod, registeredAtMs };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}
