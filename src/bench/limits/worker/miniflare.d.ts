/** Two modules of Miniflare's distribution, which the bundler finds by these names (../stage.ts). */
declare module "miniflare-ratelimit" {
  interface Configuration {
    fetcher: { fetch(url: string, init: RequestInit): Promise<Response> };
    limit: number;
    period: number;
  }
  export default function makeBinding(configuration: Configuration): {
    limit(options: { key: string }): Promise<{ success: boolean }>;
  };
}

declare module "miniflare-ratelimit-object" {
  export class RateLimiterObject {
    constructor(state: DurableObjectState, env: object);
    fetch(request: Request): Promise<Response>;
  }
}
