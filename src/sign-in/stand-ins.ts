import { isLoopback } from "./origin.ts";

/** What stands in, on a developer's machine, for what a deployment has elsewhere. */
export interface StandIns {
  publicUrl: string;
  /** Issuers of the deployment's providers. */
  issuers: readonly string[];
  /** Of the local mailbox, where one is bound. */
  mailEndpoint: string | undefined;
}

/**
 * Refuses a deployment that would let people in through the local OpenID provider, where anybody may be anybody, or would
 * leave its mail in a folder. Throws a TypeError of one sentence, which holds no address.
 */
export function refuseStandIns({ publicUrl, issuers, mailEndpoint }: StandIns): void {
  if (isLoopback(publicUrl)) return;
  if (issuers.some((issuer) => !issuer.startsWith("https://") || isLoopback(issuer))) {
    throw new TypeError("OIDC_PROVIDERS names the local provider, but PUBLIC_URL is not of this machine");
  }
  if (mailEndpoint !== undefined && mailEndpoint !== "") {
    throw new TypeError("MAIL_LOCAL_ENDPOINT names the local mailbox, but PUBLIC_URL is not of this machine");
  }
}
