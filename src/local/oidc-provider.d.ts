/** As much of the package, which brings no types, as the local provider uses. */
declare module "oidc-provider" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  export default class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>);
    Grant: new (grant: {
      clientId: string;
      accountId: string;
    }) => Grant;
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<{ uid: string }>;
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>;
  }

  export interface Grant {
    addOIDCScope(scope: string): void;
    save(): Promise<string>;
  }

  export interface Context {
    oidc: {
      client?: { clientId: string };
      session?: { accountId?: string };
      result?: { login?: object };
      provider: Provider;
    };
  }

  export const interactionPolicy: {
    base(): { get(name: "login"): { checks: { add(check: unknown): void } } };
    Check: {
      new (reason: string, description: string, check: (context: Context) => boolean): unknown;
      REQUEST_PROMPT: true;
      NO_NEED_TO_PROMPT: false;
    };
  };
}
