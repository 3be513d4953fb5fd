/** What `cloudflare:workers` gives tests: the bindings and exports of the Worker under test. */
declare namespace Cloudflare {
  interface Env extends Omit<import("../../workers/bindings.ts").Env, never> {}
  interface GlobalProps {
    mainModule: typeof import("../../workers/index.ts");
    durableNamespaces: "TenantGate";
  }
}
